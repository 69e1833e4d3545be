"""Find the sends that stand still: rows are due, and none of them has moved for a while."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from mailer.core import circuit
from mailer.delivery.models import Delivery
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.smtp.replies import WAITING, DeliveryState

STALLED_AFTER = timedelta(minutes=5)
JUST = timedelta(seconds=60)  # a slow relay takes one message in so long
_UNMOVED = (DeliveryState.PENDING, DeliveryState.HANDED)  # a claim that is given back moves nothing


@dataclass(frozen=True)
class Stalled:
    """Hold an issue that leaves and does not get on."""

    issue_id: UUID
    title: str
    rows: int  # that could go
    since: datetime  # when something last moved
    on_hold: tuple[str, ...]  # the providers of all these rows, if each is on hold


def stalled(db: Session, *, now: datetime) -> Iterator[Stalled]:
    """Yield the issues of which a row has been due for so long, and no row has been answered meanwhile."""
    since = now - STALLED_AFTER
    leaving = Issue.state == IssueState.SENDING, Issue.started_at <= since
    for issue in db.scalars(select(Issue).where(*leaving).order_by(Issue.started_at)):
        if _any(db, issue, _due(since)) and not _any(db, issue, _moved(since)):
            yield _stalled(db, issue, now)


def not_begun(db: Session, *, now: datetime, late_after: timedelta) -> list[Issue]:
    """Return the issues whose time has come, and that nobody has begun to send, nor asks about."""
    due = Issue.due_at.between(now - late_after, now - STALLED_AFTER), Issue.state == IssueState.SCHEDULED
    return list(db.scalars(select(Issue).where(*due).order_by(Issue.due_at)))


def moving(db: Session, *, now: datetime) -> bool:
    """Return whether the relay has just taken a message of an issue."""
    taken = (Delivery.state == DeliveryState.ACCEPTED) & (Delivery.changed_at > now - JUST)
    leaving = db.scalars(select(Issue).where(Issue.state == IssueState.SENDING))
    return any(_any(db, issue, taken) for issue in leaving)


def _stalled(db: Session, issue: Issue, now: datetime) -> Stalled:
    mine = Delivery.issue_id == issue.id
    moved = db.scalar(select(func.max(Delivery.changed_at)).where(mine, Delivery.state.not_in(_UNMOVED)))
    by_provider = (
        select(Delivery.provider, func.count().label("rows"))
        .where(mine, _due(now))
        .group_by(Delivery.provider)
    )
    rows = {row.provider: row.rows for row in db.execute(by_provider)}
    held = {name for name, hold in circuit.known(db).items() if hold.until > now}
    on_hold = tuple(sorted(rows)) if rows.keys() <= held else ()
    return Stalled(issue.id, issue.title, sum(rows.values()), moved or issue.started_at or now, on_hold)


def _due(since: datetime) -> ColumnElement[bool]:
    waiting = Delivery.state.in_(WAITING) & (Delivery.due_at <= since)
    return waiting | ((Delivery.state == DeliveryState.HANDED) & (Delivery.changed_at <= since))


def _moved(since: datetime) -> ColumnElement[bool]:
    return Delivery.state.not_in(_UNMOVED) & (Delivery.changed_at > since)


def _any(db: Session, issue: Issue, which: ColumnElement[bool]) -> bool:
    rows = select(Delivery.position).where(Delivery.issue_id == issue.id, which)
    return db.scalar(rows.limit(1)) is not None
