"""the chain of consent refuses to be changed; payloads expire"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What is appended stays.  A superuser can switch triggers off: then `mailer consent verify` says so.
APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consent_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON consent_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE ON consent_payload
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON consent_payload
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

# A payload goes through expire_consent_payloads() alone, and not before the expiry sealed in its event.
EXPIRY = """
CREATE FUNCTION refuse_early_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('mailer.expiring', true) = 'on' AND EXISTS (
        SELECT FROM consent_event e WHERE e.id = OLD.event_id AND e.expires_at < now()
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a consent payload is deleted by expire_consent_payloads() alone, after its expiry'
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER kept_until_expiry BEFORE DELETE ON consent_payload
    FOR EACH ROW EXECUTE FUNCTION refuse_early_deletion();

CREATE FUNCTION expire_consent_payloads() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE deleted bigint;
BEGIN
    PERFORM set_config('mailer.expiring', 'on', true);
    WITH file AS (
        SELECT p.fingerprint, p.newsletter_id
        FROM consent_payload p JOIN consent_event e ON e.id = p.event_id
        GROUP BY 1, 2 HAVING bool_and(coalesce(e.expires_at < now(), false))
    ), finished AS (
        SELECT f.fingerprint, f.newsletter_id FROM file f
        WHERE NOT EXISTS (
            SELECT FROM subscriber s JOIN subscription u ON u.subscriber_id = s.id
            WHERE s.fingerprint = f.fingerprint AND u.newsletter_id = f.newsletter_id AND u.state <> 'ended'
        )
    )
    DELETE FROM consent_payload p USING finished f
    WHERE p.fingerprint = f.fingerprint AND p.newsletter_id = f.newsletter_id;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    PERFORM set_config('mailer.expiring', 'off', true);
    RETURN deleted;
END $$;
"""

# Foreign keys to the chain, asked once a statement: row by row they would be a quarter of an import.
RESTS_ON_THE_CHAIN = """
CREATE FUNCTION payload_has_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added a WHERE NOT EXISTS (SELECT FROM consent_event e WHERE e.id = a.event_id)
    ) THEN
        RAISE EXCEPTION 'a consent payload has no event' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION subscription_has_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added a WHERE a.consent_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM consent_event e WHERE e.id = a.consent_id)
    ) THEN
        RAISE EXCEPTION 'a subscription rests on no consent event' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER has_event AFTER INSERT ON consent_payload REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payload_has_event();
CREATE TRIGGER has_event AFTER INSERT ON subscription REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION subscription_has_event();
CREATE TRIGGER still_has_event AFTER UPDATE ON subscription REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION subscription_has_event();
"""


def upgrade() -> None:
    op.add_column("consent_event", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint("uq_consent_event_mac", "consent_event")
    op.add_column("consent_payload", sa.Column("import_id", sa.Uuid(), nullable=True))
    op.add_column("consent_payload", sa.Column("legal_text", sa.String(), nullable=True))
    op.drop_constraint("fk_consent_payload_event_id_consent_event", "consent_payload")
    op.drop_constraint("fk_consent_payload_newsletter_id_newsletter", "consent_payload")
    op.drop_constraint("fk_subscription_consent_id_consent_event", "subscription")
    op.create_index(
        "ix_consent_payload_no",
        "consent_payload",
        ["fingerprint"],
        postgresql_where="kind IN ('withdrawn', 'expired', 'erased')",
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"])
    for statements in (APPEND_ONLY, EXPIRY, RESTS_ON_THE_CHAIN):
        op.execute(statements)


def downgrade() -> None:
    raise NotImplementedError("the guards of the consent chain are not taken off")
