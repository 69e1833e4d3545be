"""Refusals that may be about us: deferred until a person says to try again, or to take them as they are.

In the ledger a suspect row is a deferred one with a 5xx code; no other row is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from mailer.core import circuit
from mailer.core.after_commit import Task, wake
from mailer.delivery.breaker import Trip
from mailer.delivery.models import Delivery, Resolution, ResolutionKind
from mailer.issues import lifecycle
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.smtp.replies import FINAL, FIRST_RETRY, WAITING, DeliveryState, Reply, said, wording

_SUSPECT = (Delivery.state == DeliveryState.DEFERRED) & (Delivery.code >= 500)
_REFUSED = (Delivery.state == DeliveryState.REFUSED) & (Delivery.code >= 500)


@dataclass(frozen=True)
class Undecided:
    """Hold an issue that the relay refuses for reasons which may be ours."""

    issue_id: UUID
    title: str
    rows: int  # suspect ones
    reason: str


def undecided(db: Session, issue_id: UUID | None = None) -> list[Undecided]:
    """Return the issues, or this one, about whose refusals a person has to judge."""
    reply = func.concat_ws(" ", Delivery.code, func.nullif(Delivery.enhanced, ""), Delivery.reply)
    suspect = (
        select(Delivery.issue_id, func.count().label("rows"), func.max(reply).label("reply"))
        .where(_SUSPECT)
        .group_by(Delivery.issue_id)
        .subquery()
    )
    found = (
        select(Issue.id, Issue.title, func.coalesce(suspect.c.rows, 0),
               func.coalesce(Issue.paused_for, suspect.c.reply))
        .outerjoin(suspect, suspect.c.issue_id == Issue.id)
        .where(Issue.state.in_((IssueState.SENDING, IssueState.PAUSED)))
        .where(Issue.paused_for.is_not(None) | (suspect.c.rows > 0))
        .order_by(Issue.created_at)
    )  # fmt: skip
    return [Undecided(*row) for row in db.execute(found.where(Issue.id == issue_id) if issue_id else found)]


def accepted_wordings(db: Session, issue_id: UUID) -> frozenset[str]:
    """Return the wordings of an issue's refusals that a person took as they are."""
    theirs = Resolution.issue_id == issue_id, Resolution.kind == ResolutionKind.REFUSED
    return frozenset(db.scalars(select(Resolution.wording).where(*theirs, Resolution.wording.is_not(None))))


# -- what the send does --------------------------------------------------------


def suspect(db: Session, issue_id: UUID, trip: Trip, *, now: datetime) -> None:
    """Call suspect what was already refused in these words, and pause the issue, unless it is one provider's.

    A provider that alone refuses so rests, as one that asks us to slow down.
    """
    if trip.provider is None:
        pause(db, issue_id, trip.reason)
        _recall(db, issue_id, trip.wording, now)
    else:
        _recall(db, issue_id, trip.wording, now, Delivery.provider == trip.provider)


def pause(db: Session, issue_id: UUID, reason: str) -> None:
    """Pause an issue that leaves, and have a person asked why it is refused."""
    issue = db.scalars(select(Issue).where(Issue.id == issue_id).with_for_update()).one()
    if issue.state is IssueState.SENDING:
        lifecycle.pause(db, issue, reason)


def ask(db: Session, *, now: datetime) -> None:
    """Pause the issues that have nothing left but suspects, or that refused everybody in one wording."""
    for issue in _idle(db):
        if found := undecided(db, issue.id):
            pause(db, issue.id, found[0].reason)
        elif reply := _refused_by_all(db, issue.id):
            _recall(db, issue.id, wording(reply), now)
            pause(db, issue.id, said(reply))


def _idle(db: Session) -> list[Issue]:
    """Return the issues that leave and have no row which is neither final nor suspect."""
    moving = select(Delivery.position).where(
        Delivery.issue_id == Issue.id, Delivery.state.not_in(FINAL), ~func.coalesce(_SUSPECT, False)
    )
    leaving = select(Issue).where(Issue.state == IssueState.SENDING, ~moving.exists())
    return list(db.scalars(leaving.with_for_update(skip_locked=True)))


def _refused_by_all(db: Session, issue_id: UUID) -> Reply | None:
    """Return the reply that refused everybody tried, if one wording did, two people at least."""
    mine = Delivery.issue_id == issue_id
    if db.scalar(select(Delivery.position).where(mine, Delivery.state == DeliveryState.ACCEPTED).limit(1)):
        return None
    refused = [reply for _, reply in _refusals(db, mine)]
    wordings = {wording(reply) for reply in refused}
    same = len(refused) > 1 and len(wordings) == 1
    return refused[0] if same and not wordings & accepted_wordings(db, issue_id) else None


def _recall(db: Session, issue_id: UUID, words: str, now: datetime, *which: ColumnElement[bool]) -> None:
    mine = Delivery.issue_id == issue_id
    same = [position for position, reply in _refusals(db, mine, *which) if wording(reply) == words]
    suspect = {"state": DeliveryState.DEFERRED, "due_at": now + FIRST_RETRY, "changed_at": now}
    db.execute(update(Delivery).where(mine, Delivery.position.in_(same)).values(suspect))


def _refusals(db: Session, *which: ColumnElement[bool]) -> Iterator[tuple[int, Reply]]:
    columns = select(Delivery.position, Delivery.code, Delivery.enhanced, Delivery.reply)
    for row in db.execute(columns.where(_REFUSED, *which)):
        yield row.position, Reply(row.code, row.enhanced or "", row.reply or "")


# -- what a person decides -----------------------------------------------------


def retry(db: Session, issue: Issue, *, by: str, now: datetime) -> int:
    """Let the issue go on, those whose refusal is suspect first; how many they are.  Raises ForbiddenMove.

    The 72 hours for which a relay may put off begin anew.
    """
    _go_on(db, issue)
    waiting = Delivery.issue_id == issue.id, Delivery.state.in_(WAITING)
    db.execute(update(Delivery).where(*waiting).values(first_tried=None))
    _free_providers(db, issue)
    anew = {"state": DeliveryState.PENDING, "due_at": now, "code": None, "enhanced": None, "reply": None}
    rows = _become(db, issue, anew, now)
    wake(db, Task.TICK)
    if rows:
        db.add(Resolution(issue_id=issue.id, kind=ResolutionKind.RETRIED, rows=rows, by=by, at=now))
        db.flush()
    return rows


def take(db: Session, issue: Issue, *, by: str, now: datetime) -> int:
    """Take the suspect refusals as they are, now and for the rest of the issue; how many.

    Raises ForbiddenMove.  An issue that was paused for them goes on, or closes.
    """
    reason = issue.paused_for
    mine = Delivery.issue_id == issue.id
    columns = select(Delivery.code, Delivery.enhanced, Delivery.reply).where(mine, _SUSPECT)
    words = {wording(Reply(row.code, row.enhanced or "", row.reply or "")) for row in db.execute(columns)}
    if reason is not None:
        _go_on(db, issue)
        words.add(wording(Reply(0, "", reason)))
    _free_providers(db, issue)
    rows = _become(db, issue, {"state": DeliveryState.REFUSED}, now)
    wake(db, Task.TICK)
    for each in words:
        kind = ResolutionKind.REFUSED
        db.add(Resolution(issue_id=issue.id, kind=kind, rows=rows, by=by, at=now, wording=each))
    db.flush()
    return rows


def _go_on(db: Session, issue: Issue) -> None:
    db.refresh(issue, attribute_names=["state"], with_for_update=True)
    if issue.state is not IssueState.SENDING or not undecided(db, issue.id):
        lifecycle.resume(db, issue)


def _free_providers(db: Session, issue: Issue) -> None:
    providers = select(Delivery.provider).where(Delivery.issue_id == issue.id, _SUSPECT).distinct()
    circuit.clear(db, *db.scalars(providers))


def _become(db: Session, issue: Issue, values: dict[str, object], now: datetime) -> int:
    suspect = update(Delivery).where(Delivery.issue_id == issue.id, _SUSPECT)
    return int(db.execute(suspect.values(**values, changed_at=now)).rowcount)  # type: ignore[attr-defined]
