"""two more reasons not to write to somebody: a pause, and an import they were not told of"""

from collections.abc import Sequence

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BEFORE = ("erased", "withdrawn", "suppressed", "cancelled")


def upgrade() -> None:
    _allow((*BEFORE, "paused", "uninformed"))


def downgrade() -> None:
    op.execute("UPDATE delivery SET withheld = 'suppressed' WHERE withheld IN ('paused', 'uninformed')")
    _allow(BEFORE)


def _allow(reasons: Sequence[str]) -> None:
    op.drop_constraint(op.f("ck_delivery_withheld"), "delivery")
    listed = ", ".join(f"'{reason}'" for reason in reasons)
    op.create_check_constraint(op.f("ck_delivery_withheld"), "delivery", f"withheld IN ({listed})")
