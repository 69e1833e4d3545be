"""what the privacy officer is written to about: files that hold an erased person, breaches"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

KINDS = (
    "confirmation", "welcome", "goodbye", "already", "preferences", "rights", "nothing_held", "receipt",
    "identity", "extended", "refused", "answered", "erased", "new_address", "address_changed", "restricted",
    "unrestricted", "objected", "reconfirm", "case_alert", "letter",
)  # fmt: skip
NEW = ("recipients", "breach")


def upgrade() -> None:
    _allow((*KINDS, *NEW))
    op.add_column("breach", sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("breach", "reminded_at")
    op.execute("DELETE FROM notice WHERE kind IN ('recipients', 'breach')")
    _allow(KINDS)


def _allow(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_notice_noticekind"), "notice")
    op.create_check_constraint(op.f("ck_notice_noticekind"), "notice", f"kind IN {kinds}")
