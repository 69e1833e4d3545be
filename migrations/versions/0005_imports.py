"""imports are rows; who was imported is told before any letter"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Under an import the tables grow faster than the planner hears of it: these look-ups go through the index,
# always.
STEADY = """
ALTER FUNCTION {0}() SET enable_seqscan = off;
ALTER FUNCTION {0}() SET enable_hashjoin = off;
ALTER FUNCTION {0}() SET enable_mergejoin = off;
"""
STATES = ("checking", "checked", "running", "done", "undoing", "undone", "failed")


def upgrade() -> None:
    for function in ("payload_has_event", "subscription_has_event"):
        op.execute(STEADY.format(function))
    op.add_column("subscription", sa.Column("informed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE subscription SET informed_at = changed_at WHERE state = 'active'")
    op.create_table(
        "subscriber_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("newsletter_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(*STATES, name="importstate", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("preset", sa.String(), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("legal_text", sa.String(), nullable=True),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("undone", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_subscriber_import_newsletter_id_newsletter")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber_import")),
    )
    op.create_index(op.f("ix_subscriber_import_newsletter_id"), "subscriber_import", ["newsletter_id"])
    for table, column in (
        ("import_report", sa.Column("lines", sa.String(), nullable=False)),
        ("import_file", sa.Column("body", sa.LargeBinary(), nullable=False)),
    ):
        op.create_table(
            table,
            sa.Column("import_id", sa.Uuid(), nullable=False),
            sa.Column("number", sa.Integer(), nullable=False),
            column,
            sa.ForeignKeyConstraint(
                ["import_id"],
                ["subscriber_import.id"],
                name=op.f(f"fk_{table}_import_id_subscriber_import"),
                ondelete="CASCADE",
            ),
            sa.PrimaryKeyConstraint("import_id", "number", name=op.f(f"pk_{table}")),
        )


def downgrade() -> None:
    op.drop_table("import_file")
    op.drop_table("import_report")
    op.drop_table("subscriber_import")
    op.drop_column("subscription", "informed_at")
