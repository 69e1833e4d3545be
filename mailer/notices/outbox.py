"""Queue single mails: confirmation, welcome, goodbye, a link that was asked for.

They are written in the transaction that causes them, and sent at least once: unlike a letter, a confirmation
that arrives twice harms nobody, and one that never arrives does.  So the claim already sets the next try;
only the relay's answer removes a notice from the queue.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, literal, select, update
from sqlalchemy.orm import Session

from mailer.core import jobs, restore_lock
from mailer.core.after_commit import Task, wake
from mailer.core.db import changed
from mailer.notices.models import Notice, NoticeKind, Priority
from mailer.smtp.replies import LONGEST_RETRY, WAITING, DeliveryState
from mailer.subscribers.models import Subscription
from mailer.subscribers.signup import Due, SignupDecision

JOB = "notices"
_ANSWERS = {Due.CONFIRMATION: NoticeKind.CONFIRMATION, Due.ALREADY: NoticeKind.ALREADY}
_URGENT = {
    NoticeKind.CONFIRMATION, NoticeKind.ALREADY, NoticeKind.PREFERENCES, NoticeKind.RIGHTS,
    NoticeKind.NOTHING_HELD, NoticeKind.NEW_ADDRESS, NoticeKind.ADDRESS_CHANGED, NoticeKind.IDENTITY,
    NoticeKind.TEST,
}  # fmt: skip
_BULK = {NoticeKind.RECONFIRM}


def answer_signup(db: Session, decided: SignupDecision, *, now: datetime) -> None:
    """Queue the confirmation request, or the mail that says they are subscribed already."""
    _enqueue(db, _ANSWERS[decided.due], decided.subscription_id, now)


def welcome(db: Session, subscription_id: UUID, *, now: datetime) -> None:
    """Queue the welcome; to an imported subscriber it names the source of the address."""
    _enqueue(db, NoticeKind.WELCOME, subscription_id, now)


def introduce_all(db: Session, subscription_ids: Collection[UUID], *, now: datetime) -> None:
    """Queue the welcome of many imported subscribers, in one statement."""
    columns = (
        Notice.id,
        Notice.kind,
        Notice.subscriber_id,
        Notice.newsletter_id,
        Notice.priority,
        Notice.state,
    )
    fixed = (
        literal(Priority.BULK, Notice.priority.type),
        literal(DeliveryState.PENDING, Notice.state.type),
        literal(0),
        literal(now),
        literal(now),
    )
    chosen = select(
        func.gen_random_uuid(), literal(NoticeKind.WELCOME, Notice.kind.type), Subscription.subscriber_id,
        Subscription.newsletter_id, *fixed,
    ).where(Subscription.id.in_(subscription_ids))  # fmt: skip
    more = Notice.attempts, Notice.due_at, Notice.created_at
    db.execute(insert(Notice).from_select([*columns, *more], chosen))
    wake(db, Task.NOTICES)


def introduce(db: Session, subscription_id: UUID, *, now: datetime) -> None:
    """Queue the welcome of an imported subscriber, behind all other notices."""
    _enqueue(db, NoticeKind.WELCOME, subscription_id, now, priority=Priority.BULK)


def goodbye(db: Session, subscription_id: UUID, *, now: datetime, answers: str | None = None) -> None:
    """Queue the goodbye, with a link to undo it; `answers`: the Message-ID of the mail that asked for it."""
    _enqueue(db, NoticeKind.GOODBYE, subscription_id, now, answers=answers)


def post(
    db: Session,
    kind: NoticeKind,
    *,
    email: str,
    locale: str,
    now: datetime,
    name: str | None = None,
    facts: Mapping[str, str] | None = None,
    answers: str | None = None,
    about: UUID | None = None,
) -> UUID:
    """Queue a notice from the controller to an address, subscriber or not; return its id.

    `about`: the subscriber whose data the address is, where it is not the one they have now.
    `facts` fills the merge fields of the kind's words; of these, `link` is a path of ours, which may end in a
    signed token: {"link": "/rights/", "purpose": Purpose, "of": what it signs}.  `until`, an ISO instant,
    says how long the link lives, in the words KIND_last.
    """
    notice = Notice(
        kind=kind, priority=priority_of(kind), email=email, locale=locale, name=name,
        facts=dict(facts or {}), answers=answers, about_id=about,
        state=DeliveryState.PENDING, due_at=now, created_at=now,
    )  # fmt: skip
    _add(db, notice)
    return notice.id


def send_preferences(
    db: Session, subscription_id: UUID, *, lasts_until: datetime | None = None, now: datetime
) -> None:
    """Queue a fresh link to the preferences, to the stored address."""
    facts = {"until": lasts_until.isoformat()} if lasts_until else None
    _enqueue(db, NoticeKind.PREFERENCES, subscription_id, now, facts=facts)


def priority_of(kind: NoticeKind) -> Priority:
    """Return when a notice of this kind leaves: before the others, with them, or after them."""
    if kind in _URGENT:
        return Priority.URGENT
    return Priority.BULK if kind in _BULK else Priority.NORMAL


def due(now: datetime | ColumnElement[datetime]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a notice may be sent now."""
    return Notice.state.in_(WAITING), Notice.due_at <= now, jobs.to_try(JOB, Notice.id)


def waiting(db: Session, *, now: datetime) -> bool:
    """Return whether a notice is due; none is while the service is disarmed."""
    if restore_lock.disarmed(db):
        return False
    return db.scalar(select(Notice.id).where(*due(now)).limit(1)) is not None


def oldest_due(db: Session) -> dict[Priority, timedelta]:
    """Return for how long the oldest notice of each priority has been due, by the database's clock.

    A priority of which none is due is left out; so is a notice that is set aside, of which `jobs.failing`
    tells.  While the service is disarmed none is due.
    """
    if restore_lock.disarmed(db):
        return {}
    oldest = select(Notice.priority, func.now(), func.min(Notice.due_at))
    rows = db.execute(oldest.where(*due(func.now())).group_by(Notice.priority))
    return {Priority(priority): now - since for priority, now, since in rows}


def bring_back(db: Session, *, now: datetime) -> int:
    """Make due now what is due later than any wait we give: a clock was ahead; how many notices."""
    far = Notice.state.in_(WAITING), Notice.due_at > now + LONGEST_RETRY
    return changed(db, update(Notice).where(*far).values(due_at=now))


def _enqueue(
    db: Session, kind: NoticeKind, subscription_id: UUID, now: datetime, *, answers: str | None = None,
    facts: dict[str, str] | None = None, priority: Priority | None = None,
) -> None:  # fmt: skip
    subscription = db.get_one(Subscription, subscription_id)
    notice = Notice(
        kind=kind, priority=priority_of(kind) if priority is None else priority,
        subscriber_id=subscription.subscriber_id, newsletter_id=subscription.newsletter_id,
        answers=answers, facts=facts, state=DeliveryState.PENDING, due_at=now, created_at=now,
    )  # fmt: skip
    _add(db, notice)


def _add(db: Session, notice: Notice) -> None:
    db.add(notice)
    db.flush()
    wake(db, Task.NOTICES)
