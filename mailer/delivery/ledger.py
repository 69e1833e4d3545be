"""The ledger: every SQL statement that moves a delivery.

claim (which is also the gate), record, and what is done for those who cannot: release, silence, close.
Nothing here commits, and nothing here speaks to the relay.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, select, text, update
from sqlalchemy.orm import Session

from mailer.core import heartbeats, jobs
from mailer.core.db import changed
from mailer.delivery.models import Delivery
from mailer.issues import lifecycle
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.smtp.replies import FINAL, LONGEST_RETRY, WAITING, DeliveryState
from mailer.subscribers.eligibility import Withheld

SILENT_AFTER = timedelta(seconds=120)  # without a heartbeat a worker is suspected…
SURE_AFTER = timedelta(seconds=15)  # …and still without one, its rows are nobody's: a clock may have jumped
FREEZE, CLOSE = "freeze", "close"  # jobs, whose rows are issues
_position = attrgetter("position")
START = (datetime(1970, 1, 1, tzinfo=UTC), 0)


class Fenced(Exception):
    """Some of these rows are no longer ours: someone took over while we were away.  Stop."""


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
    # (issue, provider) → (due_at, position)


class Outcome(NamedTuple):
    """Hold what became of a claimed row."""

    issue_id: UUID
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
    state = o.state, withheld = CASE o.state WHEN 'withheld' THEN 'unproven' END, worker = NULL,
    due_at = o.due_at, attempts = o.attempts, faults = o.faults,
    code = o.code, enhanced = o.enhanced, reply = o.reply, changed_at = :now
FROM held o
WHERE d.ctid = o.place
""")

# Whoever changed a row meanwhile (an erasure, a merge) has committed once we hold it.
_HOLD = text("""
SELECT FROM delivery d JOIN unnest(CAST(:positions AS int[])) AS o (position) ON d.position = o.position
WHERE d.issue_id = :issue AND d.worker = :worker
FOR UPDATE OF d
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
    db.execute(_BY_KEY)
    taken = _taken(db.execute(_CLAIM, values), budgets, until)
    _pause_newsletters(db, taken.unproven, now)
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
    db.execute(_BY_KEY)
    seen = db.execute(_RECHECK, values).all()
    if len(seen) != len(rows):
        raise Fenced(f"{len(rows)} rows looked at again, {len(seen)} of them ours")
    unproven = {row.issue_id for row in seen if row.reason == Withheld.UNPROVEN}
    _pause_newsletters(db, unproven, now)
    allowed = {(row.issue_id, row.position) for row in seen if row.reason is None and not row.stale}
    return Rechecked(allowed, withheld=sum(row.reason is not None for row in seen))


def record(db: Session, worker: UUID, outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Write what became of rows we hold.  Raises Fenced when one of them is no longer ours."""
    written = settle(db, worker, outcomes, now=now)
    if written != len(outcomes):
        raise Fenced(f"{len(outcomes)} outcomes, {written} rows")
    unproven = {outcome.issue_id for outcome in outcomes if outcome.state is DeliveryState.WITHHELD}
    _pause_newsletters(db, unproven, now)


def _pause_newsletters(db: Session, issues: Collection[UUID], now: datetime) -> None:
    """Have a person look at once: somebody was to be written to without a provable reason."""
    theirs = select(Issue.newsletter_id).where(Issue.id.in_(issues)).distinct()
    for newsletter_id in db.scalars(theirs.order_by(Issue.newsletter_id)).all() if issues else ():
        newsletters.pause(db, newsletter_id, now=now)


def settle(db: Session, worker: UUID, outcomes: Sequence[Outcome], *, now: datetime) -> int:
    """Write those of these outcomes whose rows the worker still holds; how many."""
    if not outcomes:
        return 0
    db.execute(_BY_KEY)
    by_issue = defaultdict[UUID, list[Outcome]](list)
    for outcome in outcomes:
        by_issue[outcome.issue_id].append(outcome)
    return sum(_settle(db, issue_id, worker, by_issue[issue_id], now) for issue_id in sorted(by_issue))


def _settle(db: Session, issue_id: UUID, worker: UUID, outcomes: Sequence[Outcome], now: datetime) -> int:
    """Write them, once more where somebody had a row in hand: it is ours still, at another place."""
    values = {"issue": issue_id, "worker": worker, "now": now} | _columns(outcomes)
    written = changed(db, _RECORD, **values)
    if written < len(outcomes):
        db.execute(_HOLD, {name: values[name] for name in ("issue", "worker", "positions")})
        written += changed(db, _RECORD, **values)
    return written


def _columns(outcomes: Iterable[Outcome]) -> dict[str, object]:
    """Return them column by column, in the order of `hold`: two that lock the same rows never wait for each
    other.
    """
    outcomes = sorted(outcomes, key=_position)
    return {
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


def hold(db: Session, subscriber_ids: Sequence[UUID]) -> None:
    """Lock the rows of these people, in the order in which a worker records its own."""
    theirs = select(Delivery.position).where(Delivery.subscriber_id.in_(subscriber_ids))
    db.execute(theirs.order_by(Delivery.issue_id, Delivery.position).with_for_update())


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


def bring_back(db: Session, *, now: datetime) -> int:
    """Make due now what is due later than any wait we give: a clock was ahead; how many rows."""
    far = Delivery.state.in_(WAITING), Delivery.due_at > now + LONGEST_RETRY
    return changed(db, update(Delivery).where(*far).values(due_at=now, changed_at=now))


def to_freeze(db: Session, *, now: datetime, late_after: timedelta) -> list[UUID]:
    """Return the issues whose time has come, without those of `late`."""
    here = Issue.state == IssueState.SCHEDULED, Issue.due_at.between(now - late_after, now)
    return list(db.scalars(select(Issue.id).where(*here, _newsletter_goes(), jobs.to_try(FREEZE, Issue.id))))


def is_late(issue: Issue, *, now: datetime, late_after: timedelta) -> bool:
    """Return whether an issue is one of `late`."""
    return (
        issue.state is IssueState.SCHEDULED and issue.due_at is not None and issue.due_at < now - late_after
    )


def late(db: Session, *, now: datetime, late_after: timedelta) -> list[Issue]:
    """Return the issues that should have left so long ago that a person is asked whether they still shall."""
    here = Issue.state == IssueState.SCHEDULED, Issue.due_at < now - late_after
    return list(db.scalars(select(Issue).where(*here).order_by(Issue.due_at)))


def _newsletter_goes() -> ColumnElement[bool]:
    return Issue.newsletter_id.in_(select(Newsletter.id).where(Newsletter.paused_at.is_(None)))


def is_due(db: Session, *, now: datetime) -> bool:
    """Return whether a row of an issue that leaves is due."""
    waiting = (
        select(Delivery.position)
        .where(
            Delivery.issue_id == Issue.id,
            Delivery.state.in_(WAITING),
            Delivery.due_at <= now,
        )
        .exists()
    )
    here = select(Issue.id).where(Issue.state == IssueState.SENDING, waiting, _newsletter_goes())
    return db.scalar(here.limit(1)) is not None


def close_finished(db: Session, *, now: datetime) -> list[UUID]:
    """Close the issues whose every row is final; their ids."""
    unfinished = (
        select(Delivery.position).where(Delivery.issue_id == Issue.id, Delivery.state.not_in(FINAL)).exists()
    )
    leaving = Issue.state.in_((IssueState.SENDING, IssueState.CANCELLED)), jobs.to_try(CLOSE, Issue.id)
    finished = db.scalars(select(Issue).where(*leaving, ~unfinished).with_for_update(skip_locked=True)).all()
    for issue in finished:
        with jobs.row(CLOSE, issue.id, db):
            decisions.write(db, Decision.CLOSE, decisions.NOBODY, subject=issue.id)
            lifecycle.close(issue, now=now)
    return [issue.id for issue in finished]
