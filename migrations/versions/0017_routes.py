"""whose mailboxes a domain's are, learnt from its mail exchangers"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "route",
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_route")),
    )


def downgrade() -> None:
    op.drop_table("route")
