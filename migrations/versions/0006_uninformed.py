"""who was imported and not told yet is found at once"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_subscription_uninformed",
        "subscription",
        ["id"],
        postgresql_where="state = 'active' AND informed_at IS NULL",
    )


def downgrade() -> None:
    op.drop_index("ix_subscription_uninformed", table_name="subscription")
