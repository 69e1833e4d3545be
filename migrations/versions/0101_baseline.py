"""Make the whole schema of 0.2.0: every table, then what is SQL."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0101"
down_revision = None
branch_labels = None
depends_on = None

FUNCTIONS = Path(__file__).parents[1] / "functions"
# A database that nobody restored may be served and sent from.
ARMED = (
    "INSERT INTO restore_lock (id, at, positions, armed_at) VALUES (gen_random_uuid(), now(), '{}', now())"
)


def upgrade() -> None:
    op.create_table(
        "alarm",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tell_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)",
            name=op.f("ck_alarm_acknowledged_by_somebody"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    op.create_index(
        "uq_alarm_standing",
        "alarm",
        ["name"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "alarm_message",
        sa.Column("alarm_id", sa.Uuid(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "mail",
                "post",
                name="alarmchannel",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["alarm_id"], ["alarm.id"], name=op.f("fk_alarm_message_alarm_id_alarm"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("alarm_id", "channel", name=op.f("pk_alarm_message")),
    )
    op.create_table(
        "asset",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("double", sa.Boolean(), nullable=False),
        sa.Column("original", sa.String(), nullable=True),
        sa.Column("crop", postgresql.JSONB(), nullable=True),
        sa.Column("kept_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["original"], ["asset.sha256"], name=op.f("fk_asset_original_asset")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_asset")),
    )
    op.create_index(op.f("ix_asset_original"), "asset", ["original"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    op.create_table(
        "breach",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("aware_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("people_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conclusion", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breach")),
        sa.UniqueConstraint("number", name=op.f("uq_breach_number")),
    )
    op.create_table(
        "circuit",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_circuit")),
    )
    op.create_table(
        "consent_anchor_position",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_consent_anchor_position")),
    )
    op.create_table(
        "consent_verification",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("anchors", postgresql.JSONB(), nullable=False),
        sa.Column("logged", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("place", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_verification")),
    )
    op.create_table(
        "consent_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("payload_digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_event")),
        sa.UniqueConstraint("previous", name=op.f("uq_consent_event_previous")),
        sa.UniqueConstraint("seq", name=op.f("uq_consent_event_seq")),
    )
    op.create_table(
        "heartbeat",
        sa.Column("worker", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suspected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("skew", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "job_failure",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("row", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("job", "row", name=op.f("pk_job_failure")),
    )
    op.create_table(
        "newsletter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column(
            "theme",
            sa.Enum("neutral", "dsfr", name="theme", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column(
            "legal_basis",
            sa.Enum(
                "consent",
                "public_task",
                name="legalbasis",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("from_name", sa.String(), nullable=False),
        sa.Column("from_address", sa.String(), nullable=False),
        sa.Column("reply_to", sa.String(), nullable=False),
        sa.Column("return_path_domain", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accent", sa.String(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("logo", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("footer", sa.String(), nullable=False),
        sa.Column("rubrics", postgresql.JSONB(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_newsletter")),
        sa.UniqueConstraint("slug", name=op.f("uq_newsletter_slug")),
    )
    op.create_table(
        "library_image",
        sa.Column("newsletter_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("alt", sa.String(), nullable=False),
        sa.Column("credit", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_library_image_newsletter_id_newsletter")
        ),
        sa.ForeignKeyConstraint(["sha256"], ["asset.sha256"], name=op.f("fk_library_image_sha256_asset")),
        sa.PrimaryKeyConstraint("newsletter_id", "sha256", name=op.f("pk_library_image")),
    )
    op.create_index(op.f("ix_library_image_sha256"), "library_image", ["sha256"], unique=False)
    op.create_table(
        "preferences_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preferences_request")),
    )
    op.create_index(op.f("ix_preferences_request_at"), "preferences_request", ["at"], unique=False)
    op.create_table(
        "privacylog_gap",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacylog_gap")),
    )
    op.create_table(
        "privacylog_position",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_privacylog_position")),
    )
    op.create_table(
        "provider_domain",
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_provider_domain")),
    )
    op.create_table(
        "restore_lock",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("backed_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("positions", postgresql.JSONB(), nullable=False),
        sa.Column("replayed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", postgresql.JSONB(), nullable=True),
        sa.Column("armed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("without", sa.String(), nullable=True),
        sa.Column("loss_noted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restore_lock")),
    )
    op.create_table(
        "revision",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("html", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("search", postgresql.TSVECTOR(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_revision")),
    )
    op.create_index("ix_revision_search", "revision", ["search"], unique=False, postgresql_using="gin")
    op.create_table(
        "rights_intake",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_intake")),
    )
    op.create_index(op.f("ix_rights_intake_due_at"), "rights_intake", ["due_at"], unique=False)
    op.create_table(
        "rights_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lasts_until", sa.DateTime(timezone=True), nullable=True),
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
                "not_a_request",
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
        "staff",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("email", name=op.f("uq_staff_email")),
    )
    op.create_table(
        "staff_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("browser", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_session_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_session")),
        sa.UniqueConstraint("digest", name=op.f("uq_staff_session_digest")),
    )
    op.create_index(op.f("ix_staff_session_opened_at"), "staff_session", ["opened_at"], unique=False)
    op.create_index(op.f("ix_staff_session_staff_id"), "staff_session", ["staff_id"], unique=False)
    op.create_table(
        "subscriber",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lift_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reconfirm_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("directives", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber")),
        sa.UniqueConstraint("email", name=op.f("uq_subscriber_email")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_subscriber_fingerprint")),
    )
    op.create_table(
        "subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("newsletter_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "active",
                "ended",
                name="subscriptionstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("consent_id", sa.Uuid(), nullable=True),
        sa.Column("informed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'active') = (consent_id IS NOT NULL)", name=op.f("ck_subscription_active_has_consent")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint(
            "newsletter_id", "subscriber_id", name=op.f("uq_subscription_newsletter_id_subscriber_id")
        ),
    )
    op.create_index(
        "ix_subscription_pending",
        "subscription",
        ["changed_at"],
        unique=False,
        postgresql_where="state = 'pending'",
    )
    op.create_index(op.f("ix_subscription_subscriber_id"), "subscription", ["subscriber_id"], unique=False)
    op.create_index(
        "ix_subscription_uninformed",
        "subscription",
        ["id"],
        unique=False,
        postgresql_where="state = 'active' AND informed_at IS NULL",
    )
    op.create_table(
        "suppression",
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "unsubscribed_all",
                "objected",
                "erased",
                "hard_bounce",
                "complaint",
                "manual",
                name="suppressionreason",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_suppression")),
    )
    op.create_table(
        "throttle",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttle")),
    )
    op.create_index(op.f("ix_throttle_until"), "throttle", ["until"], unique=False)
    op.create_table(
        "wording",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_wording")),
    )
    op.create_table(
        "address_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("old_email", sa.String(), nullable=False),
        sa.Column("new_email", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waits_until", sa.DateTime(timezone=True), nullable=True),
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
        "consent_payload",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("newsletter_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "requested",
                "confirmed",
                "imported",
                "rectified",
                "withdrawn",
                "expired",
                "erased",
                name="consentkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("form_version", sa.String(), nullable=True),
        sa.Column("wording_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("legal_text", sa.String(), nullable=True),
        sa.Column("moved_from", sa.LargeBinary(), nullable=True),
        sa.Column("moved_to", sa.LargeBinary(), nullable=True),
        sa.Column("continues", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["wording_sha256"], ["wording.sha256"], name=op.f("fk_consent_payload_wording_sha256_wording")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_consent_payload")),
    )
    op.create_index(op.f("ix_consent_payload_fingerprint"), "consent_payload", ["fingerprint"], unique=False)
    op.create_index(
        "ix_consent_payload_moved",
        "consent_payload",
        ["fingerprint"],
        unique=False,
        postgresql_where="moved_to IS NOT NULL",
    )
    op.create_index(
        "ix_consent_payload_no",
        "consent_payload",
        ["fingerprint"],
        unique=False,
        postgresql_where="kind IN ('withdrawn', 'expired', 'erased', 'rectified')",
    )
    op.create_table(
        "delivery",
        sa.Column("issue_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=True),
        sa.Column("consent_id", sa.Uuid(), nullable=True),
        sa.Column("provider", sa.String(), server_default="other", nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "handed",
                "deferred",
                "accepted",
                "refused",
                "withheld",
                "unknown",
                name="deliverystate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("first_tried", sa.DateTime(timezone=True), nullable=True),
        sa.Column("faults", sa.SmallInteger(), nullable=False),
        sa.Column("worker", sa.Uuid(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column(
            "withheld",
            sa.Enum(
                "erased",
                "withdrawn",
                "unproven",
                "suppressed",
                "paused",
                "restricted",
                "uninformed",
                "cancelled",
                name="withheld",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("code", sa.SmallInteger(), nullable=True),
        sa.Column("enhanced", sa.String(), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'handed') = (worker IS NOT NULL)", name=op.f("ck_delivery_handed_to_a_worker")
        ),
        sa.CheckConstraint(
            "(state = 'withheld') = (withheld IS NOT NULL)", name=op.f("ck_delivery_withheld_for_a_reason")
        ),
        sa.CheckConstraint(
            "state <> 'deferred' OR due_at IS NOT NULL", name=op.f("ck_delivery_deferred_until")
        ),
        sa.CheckConstraint(
            "state NOT IN ('handed', 'accepted', 'refused', 'unknown') OR consent_id IS NOT NULL",
            name=op.f("ck_delivery_written_to_on_a_consent"),
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_delivery_subscriber_id_subscriber"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("issue_id", "position", name=op.f("pk_delivery")),
        sa.UniqueConstraint("subscriber_id", "issue_id", name=op.f("uq_delivery_subscriber_id_issue_id")),
    )
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["issue_id", "provider", "due_at", "position"],
        unique=False,
        postgresql_where="state IN ('pending', 'deferred')",
    )
    op.create_index(
        "ix_delivery_handed", "delivery", ["worker"], unique=False, postgresql_where="state = 'handed'"
    )
    op.create_index(
        "ix_delivery_suspect",
        "delivery",
        ["issue_id"],
        unique=False,
        postgresql_where="state = 'deferred' AND code >= 500",
    )
    op.create_index(
        "ix_delivery_unknown", "delivery", ["issue_id"], unique=False, postgresql_where="state = 'unknown'"
    )
    op.create_table(
        "departure",
        sa.Column("newsletter_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "too_often",
                "not_for_me",
                "never_asked",
                "other_address",
                "other",
                name="departurereason",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_departure_newsletter_id_newsletter")
        ),
        sa.PrimaryKeyConstraint("newsletter_id", "day", "reason", name=op.f("pk_departure")),
    )
    op.create_table(
        "issue",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("newsletter_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "scheduled",
                "sending",
                "paused",
                "cancelled",
                "closed",
                name="issuestate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("assets", postgresql.JSONB(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision_id", sa.LargeBinary(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("after_introductions", sa.Boolean(), nullable=False),
        sa.Column("send_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_for", sa.String(), nullable=True),
        sa.Column("candidates", sa.Integer(), nullable=True),
        sa.Column("audience", sa.Integer(), nullable=True),
        sa.Column("excluded", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "state <> 'scheduled' OR due_at IS NOT NULL", name=op.f("ck_issue_scheduled_has_due_at")
        ),
        sa.CheckConstraint(
            "state = 'draft' OR revision_id IS NOT NULL", name=op.f("ck_issue_leaves_with_a_revision")
        ),
        sa.CheckConstraint("candidates = audience + excluded", name=op.f("ck_issue_audience_adds_up")),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_issue_newsletter_id_newsletter")
        ),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["revision.sha256"], name=op.f("fk_issue_revision_id_revision")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue")),
        sa.UniqueConstraint("send_id", name=op.f("uq_issue_send_id")),
    )
    op.create_index("ix_issue_due", "issue", ["due_at"], unique=False, postgresql_where="state = 'scheduled'")
    op.create_index(op.f("ix_issue_newsletter_id"), "issue", ["newsletter_id"], unique=False)
    op.create_table(
        "notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "confirmation",
                "welcome",
                "goodbye",
                "already",
                "preferences",
                "rights",
                "nothing_held",
                "receipt",
                "identity",
                "extended",
                "refused",
                "answered",
                "given_up",
                "erased",
                "new_address",
                "address_changed",
                "address_undone",
                "act_elsewhere",
                "restricted",
                "unrestricted",
                "objected",
                "reconfirm",
                "case_alert",
                "letter",
                "recipients",
                "breach",
                "tester",
                "test",
                name="noticekind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=True),
        sa.Column("newsletter_id", sa.Uuid(), nullable=True),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("facts", postgresql.JSONB(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "handed",
                "deferred",
                "accepted",
                "refused",
                "withheld",
                "unknown",
                name="deliverystate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("first_tried", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code", sa.SmallInteger(), nullable=True),
        sa.Column("enhanced", sa.String(), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.Column("answers", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(email IS NULL) = (locale IS NULL)", name=op.f("ck_notice_address_has_locale")),
        sa.CheckConstraint(
            "(email IS NULL) = (subscriber_id IS NOT NULL)", name=op.f("ck_notice_one_addressee")
        ),
        sa.CheckConstraint(
            "(subscriber_id IS NULL) = (newsletter_id IS NULL)", name=op.f("ck_notice_of_a_subscription")
        ),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_notice_newsletter_id_newsletter")
        ),
        sa.ForeignKeyConstraint(
            ["about_id"], ["subscriber.id"], name=op.f("fk_notice_about_id_subscriber"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_notice_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    op.create_index(
        "ix_notice_due",
        "notice",
        ["priority", "due_at"],
        unique=False,
        postgresql_where="state IN ('pending', 'deferred')",
    )
    op.create_index("ix_notice_words", "notice", ["id"], unique=False, postgresql_where="facts ? 'words'")
    op.create_index(op.f("ix_notice_about_id"), "notice", ["about_id"], unique=False)
    op.create_index(op.f("ix_notice_subscriber_id"), "notice", ["subscriber_id"], unique=False)
    op.create_index(
        "ix_notice_refused_welcome",
        "notice",
        ["subscriber_id", "newsletter_id"],
        unique=False,
        postgresql_where="kind = 'welcome' AND state = 'refused'",
    )
    op.create_table(
        "tester",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("newsletter_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("staff", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wording_sha256", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "confirmed_at IS NULL OR staff OR wording_sha256 IS NOT NULL",
            name=op.f("ck_tester_agreed_to_words"),
        ),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_tester_newsletter_id_newsletter")
        ),
        sa.ForeignKeyConstraint(
            ["wording_sha256"], ["wording.sha256"], name=op.f("fk_tester_wording_sha256_wording")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tester")),
        sa.UniqueConstraint("newsletter_id", "email", name=op.f("uq_tester_newsletter_id_email")),
    )
    op.create_index(op.f("ix_tester_email"), "tester", ["email"], unique=False)
    op.create_table(
        "issue_test",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issue_id", sa.Uuid(), nullable=False),
        sa.Column("newsletter_id", sa.Uuid(), nullable=False),
        sa.Column("revision_id", sa.LargeBinary(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issue.id"], name=op.f("fk_issue_test_issue_id_issue"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_issue_test_newsletter_id_newsletter")
        ),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["revision.sha256"], name=op.f("fk_issue_test_revision_id_revision")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue_test")),
    )
    op.create_index(op.f("ix_issue_test_issue_id"), "issue_test", ["issue_id"], unique=False)
    op.create_index(op.f("ix_issue_test_newsletter_id"), "issue_test", ["newsletter_id"], unique=False)
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
    op.create_table(
        "signup_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("newsletter_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("form_version", sa.String(), nullable=False),
        sa.Column("wording_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_signup_request_newsletter_id_newsletter")
        ),
        sa.ForeignKeyConstraint(
            ["wording_sha256"], ["wording.sha256"], name=op.f("fk_signup_request_wording_sha256_wording")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signup_request")),
    )
    op.create_index(op.f("ix_signup_request_due_at"), "signup_request", ["due_at"], unique=False)
    op.create_table(
        "subscriber_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("newsletter_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "mapping",
                "checking",
                "checked",
                "running",
                "done",
                "undoing",
                "undone",
                "failed",
                name="importstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("file_fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("preset", sa.String(), nullable=False),
        sa.Column("columns", postgresql.JSONB(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("legal_text", sa.String(), nullable=True),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        sa.Column("undone", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_subscriber_import_newsletter_id_newsletter")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber_import")),
    )
    op.create_index(
        op.f("ix_subscriber_import_newsletter_id"), "subscriber_import", ["newsletter_id"], unique=False
    )
    op.create_table(
        "approval",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issue_id", sa.Uuid(), nullable=False),
        sa.Column("revision_id", sa.LargeBinary(), nullable=False),
        sa.Column("approver", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_approval_issue_id_issue")),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["revision.sha256"], name=op.f("fk_approval_revision_id_revision")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    op.create_index(op.f("ix_approval_issue_id"), "approval", ["issue_id"], unique=False)
    op.create_table(
        "version",
        sa.Column("issue_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("assets", postgresql.JSONB(), nullable=False),
        sa.Column(
            "act",
            sa.Enum(
                "begin",
                "change",
                "replace",
                "restore",
                "undo",
                "redo",
                name="act",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("about", sa.Integer(), nullable=True),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undoable", sa.Boolean(), nullable=False),
        sa.Column("redoable", sa.Boolean(), nullable=False),
        sa.CheckConstraint("NOT (undoable AND redoable)", name=op.f("ck_version_one_way")),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_version_issue_id_issue")),
        sa.PrimaryKeyConstraint("issue_id", "number", name=op.f("pk_version")),
    )
    op.create_index("ix_version_issue_by", "version", ["issue_id", "by"], unique=False)
    op.create_table(
        "link_visit",
        sa.Column("issue_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_link_visit_issue_id_issue")),
        sa.PrimaryKeyConstraint("issue_id", "url", name=op.f("pk_link_visit")),
    )
    op.create_table(
        "import_file",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["subscriber_import.id"],
            name=op.f("fk_import_file_import_id_subscriber_import"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_import_file")),
    )
    op.create_table(
        "import_report",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lines", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["subscriber_import.id"],
            name=op.f("fk_import_report_import_id_subscriber_import"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_import_report")),
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
                "retried",
                "refused",
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
        sa.Column("wording", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_resolution_issue_id_issue")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resolution")),
    )
    op.create_index(op.f("ix_resolution_issue_id"), "resolution", ["issue_id"], unique=False)
    for name in (
        "append_only", "consent_expiry", "consent_references", "subscription_references",
        "delivery_references", "recipient",
    ):  # fmt: skip
        op.execute((FUNCTIONS / f"{name}.sql").read_text(encoding="utf-8"))
    op.execute(ARMED)
