"""requests that wait, a restriction that staff end, an address that changed, and the file that follows it"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
NO = "kind IN ('withdrawn', 'expired', 'erased'{})"

# A file goes whole, once the newest event in it has expired, and neither its person nor the one it follows
# to another address is subscribed, or frozen as they are.
EXPIRY = """
CREATE OR REPLACE FUNCTION expire_consent_payloads() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE deleted bigint;
BEGIN
    PERFORM set_config('mailer.expiring', 'on', true);
    WITH RECURSIVE moved AS (
        SELECT fingerprint AS origin, moved_to AS mark, newsletter_id
        FROM consent_payload WHERE moved_to IS NOT NULL
        UNION
        SELECT m.origin, p.moved_to, m.newsletter_id
        FROM moved m JOIN consent_payload p ON p.fingerprint = m.mark AND p.newsletter_id = m.newsletter_id
        WHERE p.moved_to IS NOT NULL
    ), file AS (
        SELECT p.fingerprint, p.newsletter_id
        FROM consent_payload p JOIN consent_event e ON e.id = p.event_id
        GROUP BY 1, 2 HAVING bool_and(coalesce(e.expires_at < now(), false))
    ), needed AS (
        SELECT s.fingerprint, u.newsletter_id
        FROM subscriber s JOIN subscription u ON u.subscriber_id = s.id
        WHERE u.state <> 'ended' OR s.restricted_at IS NOT NULL
    ), finished AS (
        SELECT f.fingerprint, f.newsletter_id FROM file f
        WHERE NOT EXISTS (
            SELECT FROM needed n
            WHERE n.newsletter_id = f.newsletter_id AND n.fingerprint = f.fingerprint
        ) AND NOT EXISTS (
            SELECT FROM moved m JOIN needed n ON n.fingerprint = m.mark AND n.newsletter_id = m.newsletter_id
            WHERE m.origin = f.fingerprint AND m.newsletter_id = f.newsletter_id
        )
    )
    DELETE FROM consent_payload p USING finished f
    WHERE p.fingerprint = f.fingerprint AND p.newsletter_id = f.newsletter_id;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    PERFORM set_config('mailer.expiring', 'off', true);
    RETURN deleted;
END $$;
"""
BEFORE = """
CREATE OR REPLACE FUNCTION expire_consent_payloads() RETURNS bigint LANGUAGE plpgsql AS $$
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


def upgrade() -> None:
    op.add_column("rights_intake", sa.Column("due_at", INSTANT, nullable=True))
    op.execute("UPDATE rights_intake SET due_at = at")
    op.alter_column("rights_intake", "due_at", nullable=False)
    op.drop_index(op.f("ix_rights_intake_at"), "rights_intake")
    op.create_index(op.f("ix_rights_intake_due_at"), "rights_intake", ["due_at"])
    op.add_column("subscriber", sa.Column("lift_at", INSTANT, nullable=True))
    op.add_column("subscriber", sa.Column("address_since", INSTANT, nullable=True))
    op.add_column("consent_payload", sa.Column("moved_from", sa.LargeBinary(), nullable=True))
    op.add_column("consent_payload", sa.Column("moved_to", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_consent_payload_moved", "consent_payload", ["fingerprint"],
        postgresql_where=sa.text("moved_to IS NOT NULL"),
    )  # fmt: skip
    _no(", 'rectified'")
    op.execute(EXPIRY)


def downgrade() -> None:
    op.execute(BEFORE)
    _no("")
    op.drop_index("ix_consent_payload_moved", "consent_payload")
    op.drop_column("consent_payload", "moved_to")
    op.drop_column("consent_payload", "moved_from")
    op.drop_column("subscriber", "address_since")
    op.drop_column("subscriber", "lift_at")
    op.drop_index(op.f("ix_rights_intake_due_at"), "rights_intake")
    op.create_index(op.f("ix_rights_intake_at"), "rights_intake", ["at"])
    op.drop_column("rights_intake", "due_at")


def _no(more: str) -> None:
    op.drop_index("ix_consent_payload_no", "consent_payload")
    op.create_index(
        "ix_consent_payload_no", "consent_payload", ["fingerprint"],
        postgresql_where=sa.text(NO.format(more)),
    )  # fmt: skip
