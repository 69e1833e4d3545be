"""What becomes of unknown deliveries: proved by the relay's own log, left alone, or sent again by choice.

Nothing here happens by itself: a message whose reply was lost may have arrived (RFC 1047).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from mailer.core import tokens
from mailer.core.db import changed
from mailer.core.tokens import BadToken, Purpose
from mailer.delivery.models import Delivery, Resolution, ResolutionKind
from mailer.issues import lifecycle
from mailer.issues.models import Issue
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.smtp.replies import DeliveryState


@dataclass(frozen=True)
class Undecided:
    """Hold an issue with unknown deliveries that nobody has decided about."""

    issue_id: UUID
    title: str
    rows: int


def undecided(db: Session, issue_id: UUID | None = None) -> list[Undecided]:
    """Return the issues, or this one, with deliveries that became unknown after the last decision to leave
    them.
    """
    left = (
        select(func.max(Resolution.at))
        .where(Resolution.issue_id == Issue.id, Resolution.kind == ResolutionKind.LEFT)
        .scalar_subquery()
    )
    found = (
        select(Issue.id, Issue.title, func.count())
        .join(Delivery, Delivery.issue_id == Issue.id)
        .where(Delivery.state == DeliveryState.UNKNOWN, left.is_(None) | (Delivery.changed_at > left))
        .group_by(Issue.id)
        .order_by(Issue.created_at)
    )
    rows = db.execute(found.where(Issue.id == issue_id) if issue_id else found)
    return [Undecided(*row) for row in rows]


def leave(db: Session, issue: Issue, *, by: str, now: datetime) -> int:
    """Let them be; how many."""
    rows = db.scalar(select(func.count()).select_from(Delivery).where(_unknown(issue))) or 0
    return _noted(db, Resolution(issue_id=issue.id, kind=ResolutionKind.LEFT, rows=rows, by=by, at=now))


def resend(db: Session, issue: Issue, *, by: str, now: datetime) -> int:
    """Send them again: some people may get two copies; how many.  Raises ForbiddenMove once cancelled.

    A closed issue leaves again for them, and closes anew.
    """
    lifecycle.reopen(db, issue)
    rows = _become(db, _unknown(issue), now, state=DeliveryState.PENDING, due_at=now)
    decisions.write(db, Decision.RESEND, decisions.NOBODY, subject=issue.id)
    return _noted(db, Resolution(issue_id=issue.id, kind=ResolutionKind.RESENT, rows=rows, by=by, at=now))


def prove(db: Session, issue: Issue, message_ids: Iterable[str], *, by: str, now: datetime) -> int:
    """Return those whose Message-ID the relay's log shows as taken were accepted; how many."""
    positions = [position for send_id, position in _named(message_ids) if send_id == issue.send_id]
    rows = _become(db, _unknown(issue) & Delivery.position.in_(positions), now, state=DeliveryState.ACCEPTED)
    return _noted(db, Resolution(issue_id=issue.id, kind=ResolutionKind.PROVED, rows=rows, by=by, at=now))


def _unknown(issue: Issue) -> ColumnElement[bool]:
    return (Delivery.issue_id == issue.id) & (Delivery.state == DeliveryState.UNKNOWN)


def _become(db: Session, which: ColumnElement[bool], now: datetime, **values: object) -> int:
    return changed(db, update(Delivery).where(which).values(**values, changed_at=now))


def _noted(db: Session, decision: Resolution) -> int:
    if decision.rows:
        db.add(decision)
        db.flush()
    return decision.rows


def _named(message_ids: Iterable[str]) -> Iterator[tuple[UUID, int]]:
    """Yield the deliveries these Message-IDs are of; those that are not ours are passed over."""
    for message_id in message_ids:
        try:
            yield tokens.read_delivery(Purpose.MESSAGE_ID, message_id.strip("<>").partition("@")[0])
        except BadToken:
            continue
