"""Record in the ledger what became of rows, and what is done for those nobody holds: every other move.

Nothing here commits, and nothing here speaks to the relay.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from mailer.core import heartbeats, jobs
from mailer.core.db import changed
from mailer.delivery.claim import BY_KEY, Fenced, pause_newsletters
from mailer.delivery.models import Delivery
from mailer.issues import lifecycle
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.smtp.replies import FINAL, LONGEST_RETRY, WAITING, DeliveryState

SILENT_AFTER = timedelta(seconds=120)  # without a heartbeat a worker is suspected…
SURE_AFTER = timedelta(seconds=15)  # …and still without one, its rows are nobody's: a clock may have jumped
CLOSE = "close"  # a job, whose rows are issues
_position = attrgetter("position")


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


def record(db: Session, worker: UUID, outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Write what became of rows we hold.  Raises Fenced when one of them is no longer ours."""
    written = settle(db, worker, outcomes, now=now)
    if written != len(outcomes):
        raise Fenced(f"{len(outcomes)} outcomes, {written} rows")
    unproven = {outcome.issue_id for outcome in outcomes if outcome.state is DeliveryState.WITHHELD}
    pause_newsletters(db, unproven, now)


def settle(db: Session, worker: UUID, outcomes: Sequence[Outcome], *, now: datetime) -> int:
    """Write those of these outcomes whose rows the worker still holds; how many."""
    if not outcomes:
        return 0
    db.execute(BY_KEY)
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
