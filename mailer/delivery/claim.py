"""Claim rows that are due, and recheck those that wait too long: the gate.

Who may still be written to is decided here, at the last moment, by `recipient` and the issue as they are now.
Nothing here commits, and nothing here speaks to the relay.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from mailer.issues.models import Issue
from mailer.newsletters import newsletters
from mailer.subscribers.eligibility import Withheld

START = (datetime(1970, 1, 1, tzinfo=UTC), 0)


class Fenced(Exception):
    """Say that some of these rows are no longer ours: someone took over while we were away.  Stop."""


class Claimed(NamedTuple):
    """Hold a row that is ours to send, as it stood at the gate."""

    issue_id: UUID
    position: int
    fence: int
    attempts: int  # before this one
    faults: int  # times it was in flight when the relay broke off
    first_tried: datetime
    provider: str
    address: str
    fingerprint: bytes  # that the address must have: the worker computes it again
    name: str | None
    until: float = math.inf  # clock.steady() by which it has to begin, or be looked at again


@dataclass
class Rechecked:
    """Hold what the gate said of rows that were claimed too long ago."""

    allowed: set[tuple[UUID, int]]  # (issue, position)
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class ProviderBudget:
    """Say how many rows of an issue a claim may take for a provider, after which (due_at, position)."""

    issue_id: UUID
    provider: str
    budget: int
    after: tuple[datetime, int] = START


@dataclass
class Claim:
    """Hold what one claim took."""

    rows: list[Claimed] = field(default_factory=list)  # each issue's by position, the issues in turn
    withheld: int = 0
    unproven: set[UUID] = field(default_factory=set)  # issues with somebody whom no consent proves
    reached: dict[tuple[UUID, str], tuple[datetime, int]] = field(default_factory=dict)


# The gate: what may be sent is decided by `recipient` and the issue as they are now, not as they were at the
# freeze.  Issues with something due share the limit evenly, and so do the providers of each.  `after` only
# spares the walk over index entries of rows already gone: whoever finds nothing looks again from the start.
_CLAIM = text("""
WITH open AS (
    SELECT l.*, i.newsletter_id, count(*) OVER (PARTITION BY l.issue_id) AS providers
    FROM unnest(CAST(:issues AS uuid[]), CAST(:providers AS text[]), CAST(:budgets AS int[]),
                CAST(:dues AS timestamptz[]), CAST(:places AS int[]))
         WITH ORDINALITY AS l (issue_id, provider, budget, after_due, after_place, number)
    JOIN issue i ON i.id = l.issue_id AND i.state = 'sending'
    JOIN newsletter n ON n.id = i.newsletter_id AND n.paused_at IS NULL
    CROSS JOIN LATERAL (
        SELECT FROM delivery d WHERE d.issue_id = l.issue_id AND d.provider = l.provider
        AND d.state IN ('pending', 'deferred') AND d.due_at <= :now
        AND (d.due_at, d.position) > (l.after_due, l.after_place)
        ORDER BY d.due_at, d.position LIMIT 1) AS something
), share AS (
    SELECT CAST(:limit AS float) / nullif(count(DISTINCT issue_id), 0) AS of_an_issue FROM open
), due AS (
    SELECT d.place, d.due_at, open.number, r.email, r.fingerprint, r.name, r.consent_id,
           CASE WHEN d.subscriber_id IS NULL THEN 'erased'
                WHEN r.subscription_id IS NULL THEN 'withdrawn'
                ELSE r.withheld END AS reason
    FROM open CROSS JOIN share
    CROSS JOIN LATERAL (
        SELECT d.ctid AS place, d.due_at, d.subscriber_id
        FROM delivery d
        WHERE d.issue_id = open.issue_id AND d.provider = open.provider
        AND d.state IN ('pending', 'deferred') AND d.due_at <= :now
        AND (d.due_at, d.position) > (open.after_due, open.after_place)
        ORDER BY d.due_at, d.position
        LIMIT least(open.budget, ceil(share.of_an_issue / open.providers))
        FOR UPDATE SKIP LOCKED) d
    LEFT JOIN recipient(now()) r
           ON r.subscriber_id = d.subscriber_id AND r.newsletter_id = open.newsletter_id
)
UPDATE delivery d SET
    state = CASE WHEN reason IS NULL THEN 'handed' ELSE 'withheld' END,
    withheld = reason,
    consent_id = CASE WHEN reason IS NULL THEN due.consent_id ELSE d.consent_id END,
    worker = CASE WHEN reason IS NULL THEN CAST(:worker AS uuid) END,
    fence = d.fence + 1,
    first_tried = COALESCE(d.first_tried, :now),
    changed_at = :now
FROM due
WHERE d.ctid = due.place
RETURNING d.position, d.fence, d.attempts, d.faults, d.first_tried, d.provider, due.email,
          due.fingerprint, due.name, reason, due.due_at, due.number
""")
# The gate again, for rows of ours that were announced to a slow relay and have not begun.  Whoever may no
# longer be written to is withheld; who has another address, or another name, is pending again, and so is
# everybody once the issue does not leave; a consent given since takes the place of the one that was claimed.
_RECHECK = text("""
WITH looked AS MATERIALIZED (
    SELECT d.issue_id, d.position, d.fence, r.consent_id,
           CASE WHEN d.subscriber_id IS NULL THEN 'erased'
                WHEN r.subscription_id IS NULL THEN 'withdrawn'
                ELSE r.withheld END AS reason,
           i.state <> 'sending' OR n.paused_at IS NOT NULL
               OR (r.email, r.name) IS DISTINCT FROM (o.address, o.name) AS stale,
           r.consent_id IS DISTINCT FROM d.consent_id AS anew
    FROM unnest(CAST(:issues AS uuid[]), CAST(:positions AS int[]), CAST(:fences AS bigint[]),
                CAST(:addresses AS text[]), CAST(:names AS text[]))
         AS o (issue_id, position, fence, address, name)
    JOIN delivery d ON d.issue_id = o.issue_id AND d.position = o.position
                   AND d.worker = :worker AND d.fence = o.fence
    JOIN issue i ON i.id = d.issue_id
    JOIN newsletter n ON n.id = i.newsletter_id
    LEFT JOIN recipient(now()) r
           ON r.subscriber_id = d.subscriber_id AND r.newsletter_id = i.newsletter_id
), changed AS (
    UPDATE delivery d SET
        state = CASE WHEN l.reason IS NOT NULL THEN 'withheld' WHEN l.stale THEN 'pending' ELSE 'handed' END,
        withheld = l.reason,
        worker = CASE WHEN l.reason IS NULL AND NOT l.stale THEN d.worker END,
        consent_id = CASE WHEN l.reason IS NULL AND NOT l.stale THEN l.consent_id ELSE d.consent_id END,
        due_at = CASE WHEN l.stale THEN :now ELSE d.due_at END,
        changed_at = :now
    FROM looked l
    WHERE d.issue_id = l.issue_id AND d.position = l.position AND d.worker = :worker AND d.fence = l.fence
    AND (l.reason IS NOT NULL OR l.stale OR l.anew)
    RETURNING d.issue_id, d.position
)
SELECT l.issue_id, l.position, l.reason, l.stale FROM looked l
WHERE l.reason IS NULL AND NOT l.stale AND NOT l.anew
   OR (l.issue_id, l.position) IN (SELECT issue_id, position FROM changed)
""")
# The planner knows neither how few rows a claim takes nor, until the next ANALYZE, how many an issue has.
# Without these it takes keys one by one, in the order of their index.
BY_KEY = text("""
SELECT set_config(name, 'off', true)
FROM unnest(ARRAY['enable_hashjoin', 'enable_mergejoin', 'enable_seqscan', 'enable_sort']) AS name
""")


def claim(
    db: Session,
    worker: UUID,
    budgets: Sequence[ProviderBudget],
    *,
    limit: int,
    now: datetime,
    until: float = math.inf,
) -> Claim:
    """Take about `limit` due rows; those who may still be written to become ours, the others are withheld.

    Commit before any SMTP.  `until` is noted on each row.
    """
    values = {
        "worker": worker, "limit": limit, "now": now,
        "issues": [budget.issue_id for budget in budgets],
        "providers": [budget.provider for budget in budgets],
        "budgets": [budget.budget for budget in budgets],
        "dues": [budget.after[0] for budget in budgets],
        "places": [budget.after[1] for budget in budgets],
    }  # fmt: skip
    db.execute(BY_KEY)
    taken = _taken(db.execute(_CLAIM, values), budgets, until)
    pause_newsletters(db, taken.unproven, now)
    return taken


def _taken(rows: Iterable[Row[Any]], budgets: Sequence[ProviderBudget], until: float) -> Claim:
    taken, by_issue = Claim(), defaultdict[UUID, list[Claimed]](list)
    for row in rows:
        budget = budgets[row.number - 1]
        if row.reason is None:
            by_issue[budget.issue_id].append(Claimed(budget.issue_id, *tuple(row)[:9], until))  # type: ignore[call-arg]
        else:
            taken.withheld += 1
            if row.reason == Withheld.UNPROVEN:
                taken.unproven.add(budget.issue_id)
        of, here = (budget.issue_id, budget.provider), (row.due_at, row.position)
        taken.reached[of] = max(taken.reached.get(of, START), here)
    for claimed in by_issue.values():
        claimed.sort(key=lambda row: row.position)
    turns = zip_longest(*by_issue.values())
    taken.rows = [row for turn in turns for row in turn if row]
    return taken


def recheck(db: Session, worker: UUID, rows: Sequence[Claimed], *, now: datetime) -> Rechecked:
    """Ask the gate again about rows we hold; those not allowed are no longer ours.

    Raises Fenced when one of them was not ours before.  Commit before their bodies begin.
    """
    if not rows:
        return Rechecked(set())
    values = {
        "worker": worker, "now": now, "issues": [row.issue_id for row in rows],
        "positions": [row.position for row in rows], "fences": [row.fence for row in rows],
        "addresses": [row.address for row in rows], "names": [row.name for row in rows],
    }  # fmt: skip
    db.execute(BY_KEY)
    seen = db.execute(_RECHECK, values).all()
    if len(seen) != len(rows):
        raise Fenced(f"{len(rows)} rows looked at again, {len(seen)} of them ours")
    unproven = {row.issue_id for row in seen if row.reason == Withheld.UNPROVEN}
    pause_newsletters(db, unproven, now)
    allowed = {(row.issue_id, row.position) for row in seen if row.reason is None and not row.stale}
    return Rechecked(allowed, withheld=sum(row.reason is not None for row in seen))


def pause_newsletters(db: Session, issues: Collection[UUID], now: datetime) -> None:
    """Have a person look at once: somebody was to be written to without a provable reason."""
    theirs = select(Issue.newsletter_id).where(Issue.id.in_(issues)).distinct()
    for newsletter_id in db.scalars(theirs.order_by(Issue.newsletter_id)).all() if issues else ():
        newsletters.pause(db, newsletter_id, now=now)
