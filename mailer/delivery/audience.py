"""The freeze: who is written to, decided once, in one statement, and counted."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailer.core import restore_lock
from mailer.issues import lifecycle
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.smtp.providers import OTHER


class DoesNotAddUp(Exception):
    """Say that ledger rows and exclusions are not the candidates: nothing was frozen."""


# Candidates are those whose consent is in force; of these, the ones withheld for another reason are excluded.
# One statement, hence one snapshot: nobody can come or go between the count and the rows.
# Positions spread every provider evenly from the first row to the last, so that none is hit in a burst.
_FREEZE = text("""
WITH candidate AS MATERIALIZED (
    SELECT r.subscriber_id AS id, split_part(r.email, '@', 2) AS domain,
           coalesce(l.provider, :other) AS provider, r.consent_id, r.withheld
    FROM recipient(now()) r
    LEFT JOIN unnest(CAST(:domains AS text[]), CAST(:providers AS text[])) AS l (domain, provider)
           ON l.domain = split_part(r.email, '@', 2)
    WHERE r.newsletter_id = :newsletter AND r.consent_id IS NOT NULL
), spread AS (
    SELECT id, consent_id, provider, (row_number() OVER (PARTITION BY domain ORDER BY id) - 0.5)
                           / count(*) OVER (PARTITION BY domain) AS place
    FROM candidate WHERE withheld IS NULL
), written AS (
    INSERT INTO delivery (issue_id, position, subscriber_id, consent_id, provider, state, due_at,
                          changed_at, attempts, faults, fence)
    SELECT :issue, row_number() OVER (ORDER BY place, id), id, consent_id, provider, 'pending', :now, :now,
           0, 0, 0
    FROM spread
    RETURNING 1
)
SELECT (SELECT count(*) FROM candidate), (SELECT count(*) FROM written),
       (SELECT count(*) FROM candidate WHERE withheld IS NOT NULL),
       EXISTS (SELECT FROM candidate WHERE withheld = 'unproven')
""")


def freeze(
    db: Session, issue_id: UUID, *, now: datetime, providers: Mapping[str, str] | None = None
) -> Issue | None:
    """Write the ledger of an issue that is due, and let it leave; `providers` tells the provider of a domain.

    Idempotent: None when the issue is not scheduled (any more), or not due, or while the service is disarmed
    or its newsletter paused.  Where no consent proves one of the candidates, nothing is written, and the
    newsletter is paused: a person has to look.  Raises DoesNotAddUp.
    """
    if restore_lock.disarmed(db):
        return None
    issue = db.scalar(select(Issue).where(Issue.id == issue_id).with_for_update(skip_locked=True))
    if issue is None or issue.state is not IssueState.SCHEDULED or issue.due_at is None or issue.due_at > now:
        return None
    if db.get_one(Newsletter, issue.newsletter_id).paused_at:
        return None
    values = {
        "newsletter": issue.newsletter_id, "issue": issue.id, "now": now, "other": OTHER,
        "domains": list(providers or {}), "providers": list((providers or {}).values()),
    }  # fmt: skip
    kept = db.begin_nested()
    candidates, audience, excluded, unproven = db.execute(_FREEZE, values).one()
    if unproven:
        kept.rollback()
        newsletters.pause(db, issue.newsletter_id, now=now)
        return None
    kept.commit()
    if candidates != audience + excluded:
        raise DoesNotAddUp(issue.id)
    decisions.write(db, Decision.FREEZE, decisions.NOBODY, subject=issue.id)
    lifecycle.start(issue, candidates=candidates, audience=audience, excluded=excluded, now=now)
    db.flush()
    return issue
