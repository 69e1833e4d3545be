-- May we write to this person for this newsletter at that instant, and if not why?  One row a subscription:
-- `withheld` is NULL where they may be written to, or else the first reason not to.  Of whoever was erased
-- there is no row.
--
-- One SELECT, so that PostgreSQL puts it in the place of each call and plans both as one: what a caller asks
-- of a key goes through its index, and what nobody selects costs nothing.  `at` is PostgreSQL's own clock
-- (now(), the same throughout a transaction), but where another instant is asked about.
CREATE OR REPLACE FUNCTION recipient(at timestamptz)
RETURNS TABLE (
    subscription_id uuid, subscriber_id uuid, newsletter_id uuid, consent_id uuid,
    email varchar, name varchar, locale varchar, withheld text
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT u.id, u.subscriber_id, u.newsletter_id, u.consent_id, s.email, s.name, s.locale,
       CASE WHEN u.state <> 'active' THEN 'withdrawn'
            WHEN x.fingerprint IS NOT NULL THEN 'suppressed'
            WHEN s.restricted_at IS NOT NULL THEN 'restricted'  -- RGPD 18
            WHEN s.paused_until > recipient.at THEN 'paused'  -- by their own wish
            WHEN u.informed_at IS NULL THEN 'uninformed'  -- imported, and not yet told by whom: RGPD 14
       END
FROM subscription u
JOIN subscriber s ON s.id = u.subscriber_id
LEFT JOIN suppression x ON x.fingerprint = s.fingerprint
$$;
