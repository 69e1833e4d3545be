"""Single mails: confirmation, welcome, goodbye, a link that was asked for.

Written in an outbox within the transaction that causes them, and sent at least once: unlike a letter, a
confirmation that arrives twice harms nobody, and one that never arrives does.  So the claim itself sets the
next try; only the relay's answer takes a notice off the list.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core import jobs, restore_lock
from mailer.core.after_commit import Task, wake
from mailer.notices.models import Notice, NoticeKind
from mailer.smtp.replies import WAITING, DeliveryState
from mailer.subscribers.models import Subscription
from mailer.subscribers.signup import Due, SignupDecision

JOB = "notices"
_ANSWERS = {Due.CONFIRMATION: NoticeKind.CONFIRMATION, Due.ALREADY: NoticeKind.ALREADY}


def answer_signup(db: Session, decided: SignupDecision, *, now: datetime) -> None:
    """Have the mailbox asked whether it wants this, or told that it has it already."""
    _enqueue(db, _ANSWERS[decided.due], decided.subscription_id, now)


def welcome(db: Session, subscription_id: UUID, *, now: datetime) -> None:
    """Have the new subscriber told that it worked; if imported, told where the address comes from."""
    _enqueue(db, NoticeKind.WELCOME, subscription_id, now)


def goodbye(db: Session, subscription_id: UUID, *, now: datetime, answers: str | None = None) -> None:
    """Have whoever left told that it worked, and how to undo it; `answers`: the Message-ID of their mail."""
    _enqueue(db, NoticeKind.GOODBYE, subscription_id, now, answers)


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
) -> UUID:
    """Write to a bare address, subscriber or not, from the controller; the notice.

    `facts` fills the holes of the kind's words; of these, `link` is a path of ours, which may end in a signed
    token: {"link": "/rights/", "purpose": Purpose, "of": what it signs}.
    """
    notice = Notice(
        kind=kind, email=email, locale=locale, name=name, facts=dict(facts or {}), answers=answers,
        state=DeliveryState.PENDING, due_at=now, created_at=now,
    )  # fmt: skip
    _add(db, notice)
    return notice.id


def send_preferences(db: Session, subscription_id: UUID, *, now: datetime) -> None:
    """Have the address on file given a fresh link to its preferences."""
    _enqueue(db, NoticeKind.PREFERENCES, subscription_id, now)


def waiting(db: Session, *, now: datetime) -> bool:
    """Return whether a notice is due; none is while the service is disarmed."""
    if restore_lock.disarmed(db):
        return False
    due = Notice.state.in_(WAITING), Notice.due_at <= now, jobs.to_try(JOB, Notice.id)
    return db.scalar(select(Notice.id).where(*due).limit(1)) is not None


def _enqueue(
    db: Session, kind: NoticeKind, subscription_id: UUID, now: datetime, answers: str | None = None
) -> None:
    of = db.get_one(Subscription, subscription_id)
    notice = Notice(
        kind=kind, subscriber_id=of.subscriber_id, newsletter_id=of.newsletter_id, answers=answers,
        state=DeliveryState.PENDING, due_at=now, created_at=now,
    )  # fmt: skip
    _add(db, notice)


def _add(db: Session, notice: Notice) -> None:
    db.add(notice)
    db.flush()
    wake(db, Task.NOTICES)
