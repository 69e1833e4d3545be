"""the ledger's issue and consent asked for once a statement, no longer row by row"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# Neither goes afterwards: a consent event is for ever, and the last trigger keeps the issue.
TRIGGERS = """
CREATE FUNCTION delivery_is_founded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT issue_id FROM added) a
               LEFT JOIN issue i ON i.id = a.issue_id WHERE i.id IS NULL) THEN
        RAISE EXCEPTION 'a delivery is of an issue' USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF EXISTS (SELECT FROM added a LEFT JOIN consent_event e ON e.id = a.consent_id
               WHERE a.consent_id IS NOT NULL AND e.id IS NULL) THEN
        RAISE EXCEPTION 'a delivery rests on a consent event' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION delivery_is_founded_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM issue i WHERE i.id = NEW.issue_id)
       OR (NEW.consent_id IS NOT NULL
           AND NOT EXISTS (SELECT FROM consent_event e WHERE e.id = NEW.consent_id)) THEN
        RAISE EXCEPTION 'a delivery is of an issue, and rests on a consent event'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION issue_has_a_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM delivery d WHERE d.issue_id = OLD.id) THEN
        RAISE EXCEPTION 'an issue that was sent stays, and its ledger with it'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER is_founded AFTER INSERT ON delivery REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION delivery_is_founded();
CREATE TRIGGER is_founded_anew AFTER UPDATE OF issue_id, consent_id ON delivery FOR EACH ROW
    WHEN (OLD.issue_id <> NEW.issue_id OR OLD.consent_id IS DISTINCT FROM NEW.consent_id)
    EXECUTE FUNCTION delivery_is_founded_anew();
CREATE TRIGGER has_a_ledger AFTER DELETE OR UPDATE OF id ON issue
    FOR EACH ROW EXECUTE FUNCTION issue_has_a_ledger();
"""
CONSENT, ISSUE = "fk_delivery_consent_id_consent_event", "fk_delivery_issue_id_issue"


def upgrade() -> None:
    op.drop_constraint(op.f(CONSENT), "delivery")
    op.drop_constraint(op.f(ISSUE), "delivery")
    op.execute(TRIGGERS)


def downgrade() -> None:
    op.execute("DROP TRIGGER has_a_ledger ON issue")
    op.execute("DROP TRIGGER is_founded_anew ON delivery")
    op.execute("DROP TRIGGER is_founded ON delivery")
    for function in ("issue_has_a_ledger", "delivery_is_founded_anew", "delivery_is_founded"):
        op.execute(f"DROP FUNCTION {function}()")
    op.create_foreign_key(op.f(ISSUE), "delivery", "issue", ["issue_id"], ["id"])
    op.create_foreign_key(op.f(CONSENT), "delivery", "consent_event", ["consent_id"], ["id"])
