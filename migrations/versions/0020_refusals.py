"""refusals that a person judges: why an issue was paused, the suspect rows, what was decided"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KINDS = "'proved', 'left', 'resent', 'retried', 'refused'"


def upgrade() -> None:
    op.add_column("issue", sa.Column("paused_for", sa.String(), nullable=True))
    op.add_column("resolution", sa.Column("wording", sa.String(), nullable=True))
    op.drop_constraint(op.f("ck_resolution_resolutionkind"), "resolution", type_="check")
    op.create_check_constraint(op.f("ck_resolution_resolutionkind"), "resolution", f"kind IN ({KINDS})")
    op.create_index(
        "ix_delivery_suspect", "delivery", ["issue_id"], unique=False,
        postgresql_where="state = 'deferred' AND code >= 500",
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_delivery_suspect", table_name="delivery")
    op.execute("DELETE FROM resolution WHERE kind IN ('retried', 'refused')")
    op.drop_constraint(op.f("ck_resolution_resolutionkind"), "resolution", type_="check")
    op.create_check_constraint(
        op.f("ck_resolution_resolutionkind"), "resolution", "kind IN ('proved', 'left', 'resent')"
    )
    op.drop_column("resolution", "wording")
    op.drop_column("issue", "paused_for")
