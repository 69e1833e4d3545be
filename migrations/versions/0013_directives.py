"""what somebody wants done with their data after their death"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("directives", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("subscriber", "directives")
