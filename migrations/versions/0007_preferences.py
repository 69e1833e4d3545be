"""requests for a link to one's preferences; the archive can be searched"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "preferences_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preferences_request")),
    )
    op.create_index(op.f("ix_preferences_request_at"), "preferences_request", ["at"])
    op.add_column("revision", sa.Column("search", postgresql.TSVECTOR(), server_default="", nullable=False))
    op.execute(
        "UPDATE revision SET search = to_tsvector("
        "CASE locale WHEN 'en' THEN 'english' ELSE 'french' END::regconfig, subject || ' ' || text)"
    )
    op.create_index("ix_revision_search", "revision", ["search"], postgresql_using="gin")


def downgrade() -> None:
    op.drop_index("ix_revision_search", table_name="revision")
    op.drop_column("revision", "search")
    op.drop_table("preferences_request")
