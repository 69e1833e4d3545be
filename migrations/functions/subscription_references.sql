-- That a subscription's two ends exist, asked once a statement.  As foreign keys do, they hold what they found
-- until the commit: whoever deletes it waits, and then takes the subscription along (a person) or is refused
-- (a newsletter).
CREATE OR REPLACE FUNCTION subscription_has_ends() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off AS $$
DECLARE found bigint;
BEGIN
    PERFORM FROM added a JOIN subscriber s ON s.id = a.subscriber_id FOR KEY SHARE OF s;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found <> (SELECT count(*) FROM added) THEN
        RAISE EXCEPTION 'a subscription is somebody''s' USING ERRCODE = 'foreign_key_violation';
    END IF;
    PERFORM FROM newsletter n WHERE n.id IN (SELECT newsletter_id FROM added) FOR KEY SHARE;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found <> (SELECT count(DISTINCT newsletter_id) FROM added) THEN
        RAISE EXCEPTION 'a subscription is to a newsletter' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION subscription_keeps_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a subscription stays one person''s, to one newsletter'
        USING ERRCODE = 'foreign_key_violation';
END $$;

CREATE OR REPLACE FUNCTION subscriber_takes_subscriptions_along() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM subscription WHERE subscriber_id = OLD.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION newsletter_has_subscriptions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM subscription s WHERE s.newsletter_id = OLD.id) THEN
        RAISE EXCEPTION 'a newsletter stays as long as anybody has signed up to it'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER has_ends AFTER INSERT ON subscription REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION subscription_has_ends();
CREATE OR REPLACE TRIGGER keeps_ends BEFORE UPDATE OF subscriber_id, newsletter_id ON subscription FOR EACH ROW
    WHEN (OLD.subscriber_id <> NEW.subscriber_id OR OLD.newsletter_id <> NEW.newsletter_id)
    EXECUTE FUNCTION subscription_keeps_ends();
CREATE OR REPLACE TRIGGER takes_subscriptions_along AFTER DELETE ON subscriber
    FOR EACH ROW EXECUTE FUNCTION subscriber_takes_subscriptions_along();
CREATE OR REPLACE TRIGGER has_subscriptions AFTER DELETE ON newsletter
    FOR EACH ROW EXECUTE FUNCTION newsletter_has_subscriptions();
