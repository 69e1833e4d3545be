"""The ledger: every SQL statement that moves a delivery.

claim (which is also the gate), record, and what is done for those who cannot: release, silence, close.
Nothing here commits, and nothing here speaks to the relay.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from mailer.core import heartbeats, jobs
from mailer.core.db import changed
from mailer.delivery.models import Delivery
from mailer.issues import lifecycle
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.smtp.replies import FINAL, DeliveryState

SILENT_AFTER = timedelta(seconds=120)  # without a heartbeat a worker is suspected…
SURE_AFTER = timedelta(seconds=15)  # …and still without one, its rows are nobody's: a clock may have jumped
FREEZE, CLOSE = "freeze", "close"  # jobs, whose rows are issues
START = (datetime(1970, 1, 1, tzinfo=UTC), 0)


class Fenced(Exception):
    """Some of these rows are no longer ours: someone took over while we were away.  Stop."""


class Claimed(NamedTuple):
    """A row that is ours to send, as it stood at the gate."""

    position: int
    fence: int
    attempts: int  # before this one
    faults: int  # times it was in flight when the relay broke off
    first_tried: datetime
    provider: str
    address: str
    name: str | None
    until: float = math.inf  # gate.now() by which it has to begin, or be looked at again


@dataclass
class Rechecked:
    """What the gate said of rows that were claimed too long ago."""

    allowed: set[int]  # positions
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class ProviderBudget:
    """Say how many rows a claim may take for a provider, and after which (due_at, position) it looks."""

    provider: str
    budget: int
    after: tuple[datetime, int] = START


@dataclass
class Claim:
    """What one claim took."""

    rows: list[Claimed] = field(default_factory=list)  # by position
    withheld: int = 0
    reached: dict[str, tuple[datetime, int]] = field(default_factory=dict)  # provider → (due_at, position)


class Outcome(NamedTuple):
    """What became of a claimed row."""

    position: int
    fence: int
    state: DeliveryState
    due_at: datetime
    attempts: int
    faults: int
    code: int | None = None
    enhanced: str | None = None
    reply: str | None = None


# The gate: what may be sent is decided by `recipient` and the issue as they are now, not as they were at the
# freeze.  ProviderQueues with something due share the limit.  `after` only
# spares the walk over index entries of rows already gone: whoever finds nothing looks again from the start.
_CLAIM = text("""
WITH open AS (
    SELECT l.*, least(l.budget, ceil(CAST(:limit AS float) / count(*) OVER ()))::int AS take
    FROM unnest(CAST(:providers AS text[]), CAST(:budgets AS int[]), CAST(:dues AS timestamptz[]),
                CAST(:places AS int[])) AS l (provider, budget, after_due, after_place)
    CROSS JOIN LATERAL (
        SELECT FROM delivery d WHERE d.issue_id = :issue AND d.provider = l.provider
        AND d.state IN ('pending', 'deferred') AND d.due_at <= :now
        AND (d.due_at, d.position) > (l.after_due, l.after_place)
        ORDER BY d.due_at, d.position LIMIT 1) AS something
), due AS (
    SELECT d.place, d.due_at, r.email, r.name, r.consent_id,
           CASE WHEN d.subscriber_id IS NULL THEN 'erased'
                WHEN r.subscription_id IS NULL THEN 'withdrawn'
                ELSE r.withheld END AS reason
    FROM open
    JOIN issue i ON i.id = :issue AND i.state = 'sending'
    CROSS JOIN LATERAL (
        SELECT d.ctid AS place, d.due_at, d.subscriber_id
        FROM delivery d
        WHERE d.issue_id = :issue AND d.provider = open.provider
        AND d.state IN ('pending', 'deferred') AND d.due_at <= :now
        AND (d.due_at, d.position) > (open.after_due, open.after_place)
        ORDER BY d.due_at, d.position
        LIMIT open.take
        FOR UPDATE SKIP LOCKED) d
    LEFT JOIN recipient(now()) r
           ON r.subscriber_id = d.subscriber_id AND r.newsletter_id = i.newsletter_id
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
RETURNING d.position, d.fence, d.attempts, d.faults, d.first_tried, d.provider, due.email, due.name,
          reason, due.due_at
""")

# The gate again, for rows of ours that were announced to a slow relay and have not begun.  Whoever may no
# longer be written to is withheld; who has another address, or another name, is pending again, and so is
# everybody once the issue does not leave; a consent given since takes the place of the one that was claimed.
_RECHECK = text("""
WITH looked AS MATERIALIZED (
    SELECT d.position, d.fence, r.consent_id,
           CASE WHEN d.subscriber_id IS NULL THEN 'erased'
                WHEN r.subscription_id IS NULL THEN 'withdrawn'
                ELSE r.withheld END AS reason,
           i.state <> 'sending' OR (r.email, r.name) IS DISTINCT FROM (o.address, o.name) AS stale,
           r.consent_id IS DISTINCT FROM d.consent_id AS anew
    FROM unnest(CAST(:positions AS int[]), CAST(:fences AS bigint[]), CAST(:addresses AS text[]),
                CAST(:names AS text[])) AS o (position, fence, address, name)
    JOIN delivery d ON d.issue_id = :issue AND d.position = o.position
                   AND d.worker = :worker AND d.fence = o.fence
    JOIN issue i ON i.id = d.issue_id
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
    WHERE d.issue_id = :issue AND d.position = l.position AND d.worker = :worker AND d.fence = l.fence
    AND (l.reason IS NOT NULL OR l.stale OR l.anew)
    RETURNING d.position
)
SELECT l.position, l.reason, l.stale FROM looked l
WHERE l.reason IS NULL AND NOT l.stale AND NOT l.anew OR l.position IN (SELECT position FROM changed)
""")

# As the claim does with what it has locked, each row is looked up by its key, then changed at its place:
# LATERAL and LIMIT leave the planner, whose statistics are always behind a send, no way to walk the table or
# all that is handed.  A row that changes hands meanwhile has another place.
_RECORD = text("""
WITH held AS (
    SELECT d.ctid AS place, o.*
    FROM unnest(
        CAST(:positions AS int[]), CAST(:fences AS bigint[]), CAST(:states AS text[]),
        CAST(:due_ats AS timestamptz[]), CAST(:attempts AS smallint[]), CAST(:faults AS smallint[]),
        CAST(:codes AS smallint[]), CAST(:enhanceds AS text[]), CAST(:replies AS text[])
    ) AS o (position, fence, state, due_at, attempts, faults, code, enhanced, reply)
    CROSS JOIN LATERAL (
        SELECT d.ctid FROM delivery d
        WHERE d.issue_id = :issue AND d.position = o.position AND d.worker = :worker AND d.fence = o.fence
        LIMIT 1) AS d
)
UPDATE delivery d SET
    state = o.state, worker = NULL, due_at = o.due_at, attempts = o.attempts, faults = o.faults,
    code = o.code, enhanced = o.enhanced, reply = o.reply, changed_at = :now
FROM held o
WHERE d.ctid = o.place
""")

_RELEASE = text("""
UPDATE delivery d SET state = :state, worker = NULL, due_at = :now, changed_at = :now
WHERE d.state = 'handed' AND d.worker = :worker
""")

# The planner knows neither how few rows a claim takes nor, until the next ANALYZE, how many an issue has.
# Without these it takes keys one by one, in the order of their index.
_BY_KEY = text("""
SELECT set_config(name, 'off', true)
FROM unnest(ARRAY['enable_hashjoin', 'enable_mergejoin', 'enable_seqscan', 'enable_sort']) AS name
""")


_MARK_UNKNOWN = text("""
UPDATE delivery d SET state = 'unknown', worker = NULL, changed_at = :now
WHERE d.state = 'handed' AND NOT EXISTS (
    SELECT FROM heartbeat h
    WHERE h.worker = d.worker AND (h.suspected_at IS NULL OR h.suspected_at > now() - :sure))
""")

_WITHHOLD_CANCELLED = text("""
UPDATE delivery d SET state = 'withheld', withheld = 'cancelled', changed_at = :now
FROM issue i
WHERE i.id = d.issue_id AND i.state = 'cancelled' AND d.state IN ('pending', 'deferred')
""")


def claim(
    db: Session,
    issue_id: UUID,
    worker: UUID,
    shares: Sequence[ProviderBudget],
    *,
    limit: int,
    now: datetime,
    until: float = math.inf,
) -> Claim:
    """Take up to `limit` due rows; those who may still be written to become ours, the others are withheld.

    Commit before any SMTP.  `until` is noted on each row.
    """
    values = {
        "issue": issue_id, "worker": worker, "limit": limit, "now": now,
        "providers": [share.provider for share in shares],
        "budgets": [share.budget for share in shares],
        "dues": [share.after[0] for share in shares],
        "places": [share.after[1] for share in shares],
    }  # fmt: skip
    db.execute(_BY_KEY)
    return _sorted(db.execute(_CLAIM, values), until)


def _sorted(rows: Iterable[Row[Any]], until: float) -> Claim:
    taken = Claim()
    for row in rows:
        if row.reason is None:
            taken.rows.append(Claimed(*tuple(row)[:8], until))  # type: ignore[call-arg]
        else:
            taken.withheld += 1
        here = row.due_at, row.position
        taken.reached[row.provider] = max(taken.reached.get(row.provider, START), here)
    taken.rows.sort(key=lambda claimed: claimed.position)
    return taken


def recheck(
    db: Session, issue_id: UUID, worker: UUID, rows: Sequence[Claimed], *, now: datetime
) -> Rechecked:
    """Ask the gate again about rows we hold; those not allowed are no longer ours.

    Raises Fenced when one of them was not ours before.  Commit before their bodies begin.
    """
    if not rows:
        return Rechecked(set())
    values = {
        "issue": issue_id, "worker": worker, "now": now,
        "positions": [row.position for row in rows], "fences": [row.fence for row in rows],
        "addresses": [row.address for row in rows], "names": [row.name for row in rows],
    }  # fmt: skip
    db.execute(_BY_KEY)
    seen = db.execute(_RECHECK, values).all()
    if len(seen) != len(rows):
        raise Fenced(f"{len(rows)} rows looked at again, {len(seen)} of them ours")
    allowed = {row.position for row in seen if row.reason is None and not row.stale}
    return Rechecked(allowed, withheld=sum(row.reason is not None for row in seen))


def record(db: Session, issue_id: UUID, worker: UUID, outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Write what became of rows we hold.  Raises Fenced when one of them is no longer ours."""
    written = settle(db, issue_id, worker, outcomes, now=now)
    if written != len(outcomes):
        raise Fenced(f"{len(outcomes)} outcomes, {written} rows")


def settle(db: Session, issue_id: UUID, worker: UUID, outcomes: Sequence[Outcome], *, now: datetime) -> int:
    """Write those of these outcomes whose rows the worker still holds; how many."""
    if not outcomes:
        return 0
    db.execute(_BY_KEY)
    columns = {
        "positions": _array(o.position for o in outcomes),
        "fences": _array(o.fence for o in outcomes),
        "states": _array(o.state.value for o in outcomes),
        "due_ats": _array(o.due_at for o in outcomes),
        "attempts": _array(o.attempts for o in outcomes),
        "faults": _array(o.faults for o in outcomes),
        "codes": _array("NULL" if o.code is None else o.code for o in outcomes),
        "enhanceds": [o.enhanced for o in outcomes],
        "replies": [o.reply for o in outcomes],
    }
    return changed(db, _RECORD, issue=issue_id, worker=worker, now=now, **columns)


def _array(values: Iterable[object]) -> str:
    """Numbers, instants or words as PostgreSQL writes an array: five times as fast as the driver's dumper."""
    return "{" + ",".join(map(str, values)) + "}"


def release(db: Session, worker: UUID, state: DeliveryState, *, now: datetime) -> int:
    """Give every row that a dead worker still holds this state; how many."""
    return changed(db, _RELEASE, worker=worker, state=state.value, now=now)


def mark_unknown(db: Session, *, now: datetime) -> int:
    """Return rows of workers that fell silent become unknown, never pending; how many.

    Without a journal to prove what had begun, that is the only thing known of them.
    """
    heartbeats.suspect(db, silent=SILENT_AFTER)
    return changed(db, _MARK_UNKNOWN, now=now, sure=SURE_AFTER)


def withhold_cancelled(db: Session, *, now: datetime) -> int:
    """Return what had not begun of cancelled issues never will; how many rows."""
    return changed(db, _WITHHOLD_CANCELLED, now=now)


def due(db: Session, *, now: datetime) -> tuple[list[UUID], list[UUID]]:
    """Return the issues to freeze, and those with rows to send now."""
    start = select(Issue.id).where(
        Issue.state == IssueState.SCHEDULED, Issue.due_at <= now, jobs.to_try(FREEZE, Issue.id)
    )
    waiting = (
        select(Delivery.position)
        .where(
            Delivery.issue_id == Issue.id,
            Delivery.state.in_((DeliveryState.PENDING, DeliveryState.DEFERRED)),
            Delivery.due_at <= now,
        )
        .exists()
    )
    send = select(Issue.id).where(Issue.state == IssueState.SENDING, waiting)
    return list(db.scalars(start)), list(db.scalars(send))


def close_finished(db: Session, *, now: datetime) -> list[UUID]:
    """Close the issues whose every row is final; their ids."""
    unfinished = (
        select(Delivery.position).where(Delivery.issue_id == Issue.id, Delivery.state.not_in(FINAL)).exists()
    )
    leaving = Issue.state.in_((IssueState.SENDING, IssueState.CANCELLED)), jobs.to_try(CLOSE, Issue.id)
    finished = db.scalars(select(Issue).where(*leaving, ~unfinished).with_for_update(skip_locked=True)).all()
    for issue in finished:
        with jobs.row(CLOSE, issue.id, db):
            lifecycle.close(issue, now=now)
    return [issue.id for issue in finished]
