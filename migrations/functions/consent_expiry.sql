-- A payload goes through expire_consent_payloads() alone, and not before the expiry sealed in its event.
CREATE OR REPLACE FUNCTION refuse_early_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('mailer.expiring', true) = 'on' AND EXISTS (
        SELECT FROM consent_event e WHERE e.id = OLD.event_id AND e.expires_at < now()
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a consent payload is deleted by expire_consent_payloads() alone, after its expiry'
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE OR REPLACE TRIGGER kept_until_expiry BEFORE DELETE ON consent_payload
    FOR EACH ROW EXECUTE FUNCTION refuse_early_deletion();

-- A file goes whole, once the newest event in it has expired, and neither its person nor the one it follows to
-- another address is subscribed, or restricted.
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
