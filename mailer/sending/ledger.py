"""The ledger: every SQL statement of the send.

claim (which is also the gate), record, release, sweep, close, and the two accounts one asks of it: progress
and certificate.  Nothing here commits, and nothing here speaks to the relay.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from mailer.issues.models import Approval, Issue, Newsletter
from mailer.issues.rules import IssueState, Move, moved
from mailer.people.models import Subscription
from mailer.sending.models import Delivery
from mailer.sending.rules import FINAL, DeliveryState

SILENT_AFTER = timedelta(seconds=120)  # without a heartbeat a worker's rows are nobody's any more


class Fenced(Exception):
    """Some of these rows are no longer ours: someone took over while we were away.  Stop."""


class NotClosed(Exception):
    """The certificate is asked of an issue that has not finished leaving."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that is ours to send, as it stood at the gate."""

    position: int
    fence: int
    attempts: int  # before this one
    faults: int  # times it was in flight when the relay broke off
    first_tried: datetime
    address: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
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


@dataclass(frozen=True)
class Progress:
    """Where an issue's deliveries are."""

    audience: int
    pending: int = 0
    handed: int = 0
    deferred: int = 0
    accepted: int = 0
    refused: int = 0
    withheld: int = 0
    unknown: int = 0

    @property
    def final(self) -> int:
        """Rows whose state will not change by itself."""
        return sum(int(getattr(self, state)) for state in FINAL)

    @property
    def done(self) -> bool:
        return self.final == self.audience


@dataclass(frozen=True)
class Certificate:
    """What the ledger says of an issue that has left: audience = accepted + refused + withheld + unknown."""

    issue: str
    title: str
    newsletter: str
    content_sha256: str
    approver: str
    approved_at: str
    started_at: str
    closed_at: str
    candidates: int
    excluded: int
    audience: int
    accepted: int
    refused: int
    withheld: int
    unknown: int
    withheld_reasons: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


# The gate: what may be sent is decided by the subscriber, the subscription, the suppressions and the issue
# as they are now, not as they were at the freeze.
_CLAIM = text("""
WITH due AS (
    SELECT d.issue_id, d.position, s.email, s.name, u.consent_id,
           CASE WHEN s.id IS NULL THEN 'erased'
                WHEN u.state IS DISTINCT FROM 'active' THEN 'withdrawn'
                WHEN x.fingerprint IS NOT NULL THEN 'suppressed' END AS reason
    FROM delivery d
    JOIN issue i ON i.id = d.issue_id AND i.state = 'sending'
    LEFT JOIN subscriber s ON s.id = d.subscriber_id
    LEFT JOIN subscription u ON u.subscriber_id = s.id AND u.newsletter_id = i.newsletter_id
    LEFT JOIN suppression x ON x.fingerprint = s.fingerprint
    WHERE d.issue_id = :issue AND d.state IN ('pending', 'deferred') AND d.due_at <= :now
    ORDER BY d.due_at, d.position
    LIMIT :limit
    FOR UPDATE OF d SKIP LOCKED
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
WHERE d.issue_id = due.issue_id AND d.position = due.position
RETURNING d.position, d.fence, d.attempts, d.faults, d.first_tried, due.email, due.name, reason
""")

_RECORD = text("""
UPDATE delivery d SET
    state = o.state, worker = NULL, due_at = o.due_at, attempts = o.attempts, faults = o.faults,
    code = o.code, enhanced = o.enhanced, reply = o.reply, changed_at = :now
FROM unnest(
    CAST(:positions AS int[]), CAST(:fences AS bigint[]), CAST(:states AS text[]),
    CAST(:due_ats AS timestamptz[]), CAST(:attempts AS smallint[]), CAST(:faults AS smallint[]),
    CAST(:codes AS smallint[]), CAST(:enhanceds AS text[]), CAST(:replies AS text[])
) AS o (position, fence, state, due_at, attempts, faults, code, enhanced, reply)
WHERE d.issue_id = :issue AND d.position = o.position
  AND d.worker = :worker AND d.fence = o.fence AND d.state = 'handed'
""")

_BEAT = text("""
INSERT INTO heartbeat (worker, kind, started_at, seen_at) VALUES (:worker, :kind, :now, :now)
ON CONFLICT (worker) DO UPDATE SET seen_at = excluded.seen_at
""")

_SWEEP = text("""
UPDATE delivery d SET state = 'unknown', worker = NULL, changed_at = :now
WHERE d.state = 'handed'
  AND NOT EXISTS (SELECT 1 FROM heartbeat h WHERE h.worker = d.worker AND h.seen_at > :alive)
""")

_WITHHOLD_CANCELLED = text("""
UPDATE delivery d SET state = 'withheld', withheld = 'cancelled', changed_at = :now
FROM issue i
WHERE i.id = d.issue_id AND i.state = 'cancelled' AND d.state IN ('pending', 'deferred')
""")


def claim(
    db: Session, issue_id: UUID, worker: UUID, *, limit: int, now: datetime
) -> tuple[list[Claimed], int]:
    """Take up to `limit` due rows; those who may still be written to become ours, the others are withheld.

    Returns our rows in order, and how many were withheld.  Commit before any SMTP.
    """
    values = {"issue": issue_id, "worker": worker, "limit": limit, "now": now}
    rows = db.execute(_CLAIM, values).all()
    ours = [Claimed(*row[:7]) for row in rows if row.reason is None]
    return sorted(ours, key=lambda claimed: claimed.position), len(rows) - len(ours)


def record(db: Session, issue_id: UUID, worker: UUID, outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Write what became of rows we hold.  Raises Fenced when one of them is no longer ours."""
    if not outcomes:
        return
    columns = {
        "positions": [o.position for o in outcomes],
        "fences": [o.fence for o in outcomes],
        "states": [o.state.value for o in outcomes],
        "due_ats": [o.due_at for o in outcomes],
        "attempts": [o.attempts for o in outcomes],
        "faults": [o.faults for o in outcomes],
        "codes": [o.code for o in outcomes],
        "enhanceds": [o.enhanced for o in outcomes],
        "replies": [o.reply for o in outcomes],
    }
    result = db.execute(_RECORD, {"issue": issue_id, "worker": worker, "now": now, **columns})
    if result.rowcount != len(outcomes):  # type: ignore[attr-defined]
        raise Fenced(f"{len(outcomes)} outcomes, {result.rowcount} rows")  # type: ignore[attr-defined]


def beat(db: Session, worker: UUID, kind: str, *, now: datetime) -> None:
    """Say that this worker is alive."""
    db.execute(_BEAT, {"worker": worker, "kind": kind, "now": now})


def sweep(db: Session, *, now: datetime) -> int:
    """Rows of workers that fell silent become unknown, never pending; how many.

    Without a journal to prove what had begun, that is the only thing known of them.
    """
    db.execute(_WITHHOLD_CANCELLED, {"now": now})
    return db.execute(_SWEEP, {"now": now, "alive": now - SILENT_AFTER}).rowcount  # type: ignore[attr-defined, no-any-return]


def due(db: Session, *, now: datetime) -> tuple[list[UUID], list[UUID]]:
    """The issues to freeze, and those with rows to send now."""
    start = select(Issue.id).where(Issue.state == IssueState.SCHEDULED, Issue.due_at <= now)
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
    leaving = Issue.state.in_((IssueState.SENDING, IssueState.CANCELLED))
    finished = db.scalars(select(Issue).where(leaving, ~unfinished).with_for_update(skip_locked=True)).all()
    for issue in finished:
        issue.state, issue.closed_at = moved(issue.state, Move.CLOSE), now
    db.flush()
    return [issue.id for issue in finished]


def progress(db: Session, issue_id: UUID) -> Progress:
    """Count the rows of an issue by state."""
    states = (
        select(Delivery.state, func.count()).where(Delivery.issue_id == issue_id).group_by(Delivery.state)
    )
    counts = {state.value: count for state, count in db.execute(states)}
    return Progress(audience=sum(counts.values()), **counts)


def certificate(db: Session, issue_id: UUID) -> Certificate:
    """The account of a closed issue.  Raises NotClosed."""
    issue = db.get_one(Issue, issue_id)
    if issue.state is not IssueState.CLOSED or issue.revision_id is None:
        raise NotClosed(issue_id)
    counts = progress(db, issue_id)
    reasons = select(Delivery.withheld, func.count()).where(Delivery.issue_id == issue_id)
    approval = _approval(db, issue)
    return Certificate(
        issue=str(issue.id),
        title=issue.title,
        newsletter=db.get_one(Newsletter, issue.newsletter_id).slug,
        content_sha256=issue.revision_id.hex(),
        approver=approval.approver,
        approved_at=approval.at.isoformat(),
        started_at=_iso(issue.started_at),
        closed_at=_iso(issue.closed_at),
        candidates=issue.candidates or 0,
        excluded=issue.excluded or 0,
        audience=counts.audience,
        accepted=counts.accepted,
        refused=counts.refused,
        withheld=counts.withheld,
        unknown=counts.unknown,
        withheld_reasons=_by_reason(db.execute(reasons.group_by(Delivery.withheld)).all()),
    )


def _approval(db: Session, issue: Issue) -> Approval:
    mine = Approval.issue_id == issue.id, Approval.revision_id == issue.revision_id
    return db.scalars(select(Approval).where(*mine).order_by(Approval.at.desc()).limit(1)).one()


def _by_reason(rows: Iterable[Any]) -> dict[str, int]:
    return {reason.value: count for reason, count in rows if reason is not None}


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


@dataclass(frozen=True)
class Addressee:
    """Whom a delivery was for, seen from a link in it."""

    newsletter_slug: str
    subscription_id: UUID | None  # None once erased


def addressee(db: Session, send_id: UUID, position: int) -> Addressee | None:
    """Resolve a delivery token; None when there is no such delivery (a restored, older database)."""
    found = db.execute(
        select(Newsletter.slug, Subscription.id)
        .select_from(Delivery)
        .join(Issue, Issue.id == Delivery.issue_id)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        .outerjoin(
            Subscription,
            (Subscription.subscriber_id == Delivery.subscriber_id)
            & (Subscription.newsletter_id == Newsletter.id),
        )
        .where(Issue.send_id == send_id, Delivery.position == position)
    ).one_or_none()
    return Addressee(*found) if found else None
