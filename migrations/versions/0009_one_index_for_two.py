"""the ledger's key by subscriber, which also serves erasure; the one by issue misled the planner"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("uq_delivery_issue_id_subscriber_id"), "delivery")
    op.drop_index("ix_delivery_subscriber_id", "delivery")
    op.create_unique_constraint(
        op.f("uq_delivery_subscriber_id_issue_id"), "delivery", ["subscriber_id", "issue_id"]
    )


def downgrade() -> None:
    op.drop_constraint(op.f("uq_delivery_subscriber_id_issue_id"), "delivery")
    op.create_index("ix_delivery_subscriber_id", "delivery", ["subscriber_id"])
    op.create_unique_constraint(
        op.f("uq_delivery_issue_id_subscriber_id"), "delivery", ["issue_id", "subscriber_id"]
    )
