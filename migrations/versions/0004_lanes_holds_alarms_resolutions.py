"""lanes, holds, alarms, resolutions"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "alarm",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_alarm")),
    )
    op.create_table(
        "hold",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_hold")),
    )
    op.create_table(
        "resolution",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issue_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "proved",
                "left",
                "resent",
                name="resolutionkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_resolution_issue_id_issue")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resolution")),
    )
    op.create_index(op.f("ix_resolution_issue_id"), "resolution", ["issue_id"], unique=False)
    op.add_column("delivery", sa.Column("lane", sa.String(), server_default="other", nullable=False))
    op.drop_index(
        op.f("ix_delivery_due"),
        table_name="delivery",
        postgresql_where="state IN ('pending', 'deferred')",
    )
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["issue_id", "lane", "due_at", "position"],
        unique=False,
        postgresql_where="state IN ('pending', 'deferred')",
    )
    op.create_index(
        "ix_delivery_unknown", "delivery", ["issue_id"], unique=False, postgresql_where="state = 'unknown'"
    )
    op.add_column("heartbeat", sa.Column("suspected_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:

    op.drop_column("heartbeat", "suspected_at")
    op.drop_index("ix_delivery_unknown", table_name="delivery", postgresql_where="state = 'unknown'")
    op.drop_index(
        "ix_delivery_due", table_name="delivery", postgresql_where="state IN ('pending', 'deferred')"
    )
    op.create_index(
        op.f("ix_delivery_due"),
        "delivery",
        ["issue_id", "due_at", "position"],
        unique=False,
        postgresql_where="state IN ('pending', 'deferred')",
    )
    op.drop_column("delivery", "lane")
    op.drop_index(op.f("ix_resolution_issue_id"), table_name="resolution")
    op.drop_table("resolution")
    op.drop_table("hold")
    op.drop_table("alarm")
