"""one answer to "may we write to this person for this newsletter, and if not why?\""""

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

RECIPIENT = Path(__file__).parents[1] / "functions" / "recipient.sql"


def upgrade() -> None:
    op.execute(RECIPIENT.read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("DROP FUNCTION recipient(timestamptz)")
