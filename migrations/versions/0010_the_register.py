"""the register of rights, notices to a bare address, and the restriction"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WITHHELD = ("erased", "withdrawn", "suppressed", "paused", "uninformed", "cancelled")
NOTICES = ("confirmation", "welcome", "goodbye", "already", "preferences")
ABOUT_RIGHTS = (
    "rights", "nothing_held", "receipt", "identity", "extended", "refused", "answered", "erased",
    "new_address", "address_changed", "restricted", "unrestricted", "objected", "reconfirm", "case_alert",
    "letter",
)  # fmt: skip
CHECKS = {
    "one_addressee": "(email IS NULL) = (subscriber_id IS NOT NULL)",
    "of_a_subscription": "(subscriber_id IS NULL) = (newsletter_id IS NULL)",
    "address_has_locale": "(email IS NULL) = (locale IS NULL)",
}


def upgrade() -> None:
    op.create_table(
        "rights_intake",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_intake")),
    )
    op.create_index(op.f("ix_rights_intake_at"), "rights_intake", ["at"], unique=False)
    op.create_table(
        "rights_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("session_digest", sa.LargeBinary(), nullable=True),
        sa.Column("session_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(used_at IS NULL) = (session_digest IS NULL)", name=op.f("ck_rights_link_used_opens")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_link")),
        sa.UniqueConstraint("session_digest", name=op.f("uq_rights_link_session_digest")),
    )
    op.create_index(op.f("ix_rights_link_expires_at"), "rights_link", ["expires_at"], unique=False)
    op.create_index(op.f("ix_rights_link_fingerprint"), "rights_link", ["fingerprint"], unique=False)
    op.create_table(
        "rights_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "right",
            sa.Enum(
                "access",
                "portability",
                "rectification",
                "erasure",
                "restriction",
                "objection",
                "withdrawal",
                "directives",
                "unclear",
                name="right",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "channel",
            sa.Enum(
                "link",
                "email",
                "post",
                "phone",
                "desk",
                "terminal",
                name="channel",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("extended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("extension_reason", sa.String(), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "granted",
                "nothing_held",
                "refused",
                "withdrawn",
                "unidentified",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("refusal_reason", sa.String(), nullable=True),
        sa.Column("handler", sa.String(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("forget_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(outcome = 'refused') <= (refusal_reason IS NOT NULL)",
            name=op.f("ck_rights_request_refused_for_a_reason"),
        ),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (outcome IS NULL)", name=op.f("ck_rights_request_closed_with_an_outcome")
        ),
        sa.CheckConstraint(
            "(extended_at IS NULL) = (extension_reason IS NULL)",
            name=op.f("ck_rights_request_extended_for_a_reason"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_request")),
        sa.UniqueConstraint("message_id", name=op.f("uq_rights_request_message_id")),
        sa.UniqueConstraint("number", name=op.f("uq_rights_request_number")),
    )
    op.create_index(op.f("ix_rights_request_fingerprint"), "rights_request", ["fingerprint"], unique=False)
    op.create_index(
        "ix_rights_request_open",
        "rights_request",
        ["due_on"],
        unique=False,
        postgresql_where="closed_at IS NULL",
    )
    op.create_table(
        "address_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("old_email", sa.String(), nullable=False),
        sa.Column("new_email", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["rights_request.id"],
            name=op.f("fk_address_change_request_id_rights_request"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_address_change_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_change")),
    )
    op.create_index(op.f("ix_address_change_expires_at"), "address_change", ["expires_at"], unique=False)
    op.create_index(op.f("ix_address_change_request_id"), "address_change", ["request_id"], unique=False)
    op.create_index(
        op.f("ix_address_change_subscriber_id"), "address_change", ["subscriber_id"], unique=False
    )
    op.create_table(
        "rights_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["rights_request.id"],
            name=op.f("fk_rights_event_request_id_rights_request"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_event")),
    )
    op.create_index(op.f("ix_rights_event_request_id"), "rights_event", ["request_id"], unique=False)
    op.add_column("notice", sa.Column("email", sa.String(), nullable=True))
    op.add_column("notice", sa.Column("name", sa.String(), nullable=True))
    op.add_column("notice", sa.Column("locale", sa.String(), nullable=True))
    op.add_column("notice", sa.Column("facts", postgresql.JSONB(), nullable=True))
    op.alter_column("notice", "subscriber_id", existing_type=sa.Uuid(), nullable=True)
    op.alter_column("notice", "newsletter_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column("subscriber", sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True))

    for name, check in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_notice_{name}"), "notice", check)
    _allow("ck_notice_noticekind", "notice", "kind", (*NOTICES, *ABOUT_RIGHTS))
    _allow("ck_delivery_withheld", "delivery", "withheld", (*WITHHELD, "restricted"))


def downgrade() -> None:
    op.execute("UPDATE delivery SET withheld = 'suppressed' WHERE withheld = 'restricted'")
    _allow("ck_delivery_withheld", "delivery", "withheld", WITHHELD)
    op.execute("DELETE FROM notice WHERE email IS NOT NULL")
    _allow("ck_notice_noticekind", "notice", "kind", NOTICES)
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_notice_{name}"), "notice")
    op.drop_column("subscriber", "restricted_at")
    op.alter_column("notice", "newsletter_id", existing_type=sa.Uuid(), nullable=False)
    op.alter_column("notice", "subscriber_id", existing_type=sa.Uuid(), nullable=False)
    op.drop_column("notice", "facts")
    op.drop_column("notice", "locale")
    op.drop_column("notice", "name")
    op.drop_column("notice", "email")
    op.drop_index(op.f("ix_rights_event_request_id"), table_name="rights_event")
    op.drop_table("rights_event")
    op.drop_index(op.f("ix_address_change_subscriber_id"), table_name="address_change")
    op.drop_index(op.f("ix_address_change_request_id"), table_name="address_change")
    op.drop_index(op.f("ix_address_change_expires_at"), table_name="address_change")
    op.drop_table("address_change")
    op.drop_index("ix_rights_request_open", table_name="rights_request", postgresql_where="closed_at IS NULL")
    op.drop_index(op.f("ix_rights_request_fingerprint"), table_name="rights_request")
    op.drop_table("rights_request")
    op.drop_index(op.f("ix_rights_link_fingerprint"), table_name="rights_link")
    op.drop_index(op.f("ix_rights_link_expires_at"), table_name="rights_link")
    op.drop_table("rights_link")
    op.drop_index(op.f("ix_rights_intake_at"), table_name="rights_intake")
    op.drop_table("rights_intake")


def _allow(constraint: str, table: str, column: str, values: Sequence[str]) -> None:
    op.drop_constraint(op.f(constraint), table)
    listed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f(constraint), table, f"{column} IN ({listed})")
