"""sign-ups held back: limits, purge, pause, reasons for leaving, two more notices"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KINDS = "'confirmation', 'welcome', 'goodbye'"


def upgrade() -> None:
    op.create_table(
        "throttle",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttle")),
    )
    op.create_index(op.f("ix_throttle_until"), "throttle", ["until"])
    op.create_table(
        "departure",
        sa.Column("newsletter_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "too_often", "not_for_me", "never_asked", "other_address", "other",
                name="departurereason", native_enum=False, create_constraint=True, length=20,
            ),
            nullable=False,
        ),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_departure_newsletter_id_newsletter")
        ),
        sa.PrimaryKeyConstraint("newsletter_id", "day", "reason", name=op.f("pk_departure")),
    )  # fmt: skip
    op.add_column("signup_request", sa.Column("due_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE signup_request SET due_at = at")
    op.alter_column("signup_request", "due_at", nullable=False)
    op.drop_index(op.f("ix_signup_request_at"), table_name="signup_request")
    op.create_index(op.f("ix_signup_request_due_at"), "signup_request", ["due_at"])
    op.add_column("suppression", sa.Column("asked_at", sa.DateTime(timezone=True)))
    op.add_column("subscriber", sa.Column("paused_until", sa.DateTime(timezone=True)))
    op.drop_column("subscription", "asked_at")
    op.create_index(
        "ix_subscription_pending", "subscription", ["changed_at"], postgresql_where="state = 'pending'"
    )
    op.add_column("notice", sa.Column("answers", sa.String()))
    _notice_kinds(f"{_KINDS}, 'already', 'preferences'")


def downgrade() -> None:
    op.execute("DELETE FROM notice WHERE kind IN ('already', 'preferences')")
    _notice_kinds(_KINDS)
    op.drop_column("notice", "answers")
    op.drop_index("ix_subscription_pending", table_name="subscription")
    op.add_column("subscription", sa.Column("asked_at", sa.DateTime(timezone=True)))
    op.drop_column("subscriber", "paused_until")
    op.drop_column("suppression", "asked_at")
    op.drop_index(op.f("ix_signup_request_due_at"), table_name="signup_request")
    op.create_index(op.f("ix_signup_request_at"), "signup_request", ["at"])
    op.drop_column("signup_request", "due_at")
    op.drop_table("departure")
    op.drop_table("throttle")


def _notice_kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_notice_noticekind"), "notice")
    op.create_check_constraint(op.f("ck_notice_noticekind"), "notice", f"kind IN ({kinds})")
