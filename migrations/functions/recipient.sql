-- May we write to this person for this newsletter at that instant, and if not why?  One row a subscription:
-- `withheld` is NULL where they may be written to, or else the first reason not to.  Of whoever was erased
-- there is no row.  An active subscription has to rest on a consent of theirs, for this newsletter, that nothing
-- later in their file takes back: where it does not, it is unproven.  `fingerprint` is the one that their file
-- is under: who writes to `email` computes it again, since the key never enters the database.
--
-- One SELECT, so that PostgreSQL puts it in the place of each call and plans both as one: what a caller asks
-- of a key goes through its index, and what nobody selects costs nothing.  `at` is PostgreSQL's own clock
-- (now(), the same throughout a transaction), but where another instant is asked about.
CREATE OR REPLACE FUNCTION recipient(at timestamptz)
RETURNS TABLE (
    subscription_id uuid, subscriber_id uuid, newsletter_id uuid, consent_id uuid,
    email varchar, fingerprint bytea, name varchar, locale varchar, withheld text
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT u.id, u.subscriber_id, u.newsletter_id, u.consent_id, s.email, s.fingerprint, s.name, s.locale,
       CASE WHEN u.state <> 'active' THEN 'withdrawn'
            WHEN (p.fingerprint, p.newsletter_id) IS DISTINCT FROM (s.fingerprint, u.newsletter_id)
              OR NOT (p.kind IN ('confirmed', 'imported') OR p.kind = 'rectified' AND p.continues IS NOT NULL)
              OR EXISTS (
                SELECT FROM consent_payload no JOIN consent_event later ON later.id = no.event_id
                WHERE no.fingerprint = s.fingerprint AND no.newsletter_id = u.newsletter_id
                  AND no.kind IN ('withdrawn', 'expired', 'erased', 'rectified') AND no.moved_from IS NULL
                  AND later.seq > (SELECT e.seq FROM consent_event e WHERE e.id = u.consent_id)
              ) THEN 'unproven'
            WHEN x.fingerprint IS NOT NULL THEN 'suppressed'
            WHEN s.restricted_at IS NOT NULL THEN 'restricted'  -- RGPD 18
            WHEN s.paused_until > recipient.at THEN 'paused'  -- by their own wish
            WHEN u.informed_at IS NULL THEN 'uninformed'  -- imported, and not yet told by whom: RGPD 14
       END
FROM subscription u
JOIN subscriber s ON s.id = u.subscriber_id
LEFT JOIN suppression x ON x.fingerprint = s.fingerprint
LEFT JOIN consent_payload p ON p.event_id = u.consent_id
$$;
