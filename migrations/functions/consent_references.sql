-- That consent events exist, asked once a statement: as foreign keys, row by row, a quarter of an import.
-- A plan made while a table was empty is kept, and would read it whole for every thousand rows: only indexes.
CREATE OR REPLACE FUNCTION payload_has_event() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added a WHERE NOT EXISTS (SELECT FROM consent_event e WHERE e.id = a.event_id)
    ) THEN
        RAISE EXCEPTION 'a consent payload has no event' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION subscription_has_event() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added a WHERE a.consent_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM consent_event e WHERE e.id = a.consent_id)
    ) THEN
        RAISE EXCEPTION 'a subscription rests on no consent event' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER has_event AFTER INSERT ON consent_payload REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payload_has_event();
CREATE OR REPLACE TRIGGER has_event AFTER INSERT ON subscription REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION subscription_has_event();
CREATE OR REPLACE TRIGGER still_has_event AFTER UPDATE ON subscription REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION subscription_has_event();
