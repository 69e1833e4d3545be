-- That a delivery's issue and consent exist, asked once a statement.  Neither goes afterwards: a consent event
-- is for ever, and the last trigger keeps the issue.
CREATE OR REPLACE FUNCTION delivery_is_founded() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off AS $$
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

CREATE OR REPLACE FUNCTION delivery_is_founded_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM issue i WHERE i.id = NEW.issue_id)
       OR (NEW.consent_id IS NOT NULL
           AND NOT EXISTS (SELECT FROM consent_event e WHERE e.id = NEW.consent_id)) THEN
        RAISE EXCEPTION 'a delivery is of an issue, and rests on a consent event'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION issue_has_a_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM delivery d WHERE d.issue_id = OLD.id) THEN
        RAISE EXCEPTION 'an issue that was sent stays, and its ledger with it'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER is_founded AFTER INSERT ON delivery REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION delivery_is_founded();
CREATE OR REPLACE TRIGGER is_founded_anew AFTER UPDATE OF issue_id, consent_id ON delivery FOR EACH ROW
    WHEN (OLD.issue_id <> NEW.issue_id OR OLD.consent_id IS DISTINCT FROM NEW.consent_id)
    EXECUTE FUNCTION delivery_is_founded_anew();
CREATE OR REPLACE TRIGGER has_a_ledger AFTER DELETE OR UPDATE OF id ON issue
    FOR EACH ROW EXECUTE FUNCTION issue_has_a_ledger();
