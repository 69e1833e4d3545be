"""Restrict somebody's data (RGPD 18): they are kept, and neither used, nor changed, nor purged.

The freeze of an audience and each claim of a delivery respect it.  The person ends it at once; staff only
after having told them.
"""

from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from mailer.core import jobs
from mailer.core.settings import settings
from mailer.notices import outbox
from mailer.notices.models import Notice, NoticeKind
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.rendering.typography import long_day
from mailer.smtp.replies import WAITING
from mailer.subscribers import subscribers
from mailer.subscribers.models import Subscriber

JOB = "restrictions"
TOLD_BEFORE = timedelta(days=3)  # between the notice to the person and the end by staff


def restrict(db: Session, subscriber: Subscriber, *, now: datetime) -> bool:
    """Restrict somebody's data, and tell them; return False if they were restricted."""
    if not subscribers.restrict(subscriber, at=now):
        return False
    decisions.write(db, Decision.RESTRICTION, subscriber.fingerprint)
    outbox.post(
        db, NoticeKind.RESTRICTED, email=subscriber.email, name=subscriber.name, locale=subscriber.locale,
        facts={"link": "/rights"}, now=now,
    )  # fmt: skip
    return True


def lift(db: Session, subscriber: Subscriber, *, now: datetime) -> bool:
    """End the restriction now, as the person asks; return False if there was none."""
    if subscriber.restricted_at is None:
        return False
    _tell(db, subscriber, now, now)
    _end(db, subscriber)
    return True


def announce(db: Session, subscriber: Subscriber, *, now: datetime) -> datetime | None:
    """Tell the person that staff will end it; return when, None if there is no restriction."""
    if subscriber.restricted_at is None:
        return None
    if subscriber.lift_at is None:
        ends = now + TOLD_BEFORE
        subscribers.announce_lift(subscriber, ends)
        _tell(db, subscriber, ends, now)
    return subscriber.lift_at


def lift_due(db: Session, *, now: datetime) -> int:
    """End those whose announced day has come, and whose person was told; return how many."""
    untold = exists().where(
        Notice.email == Subscriber.email, Notice.kind == NoticeKind.UNRESTRICTED, Notice.state.in_(WAITING)
    )
    due = select(Subscriber).where(Subscriber.lift_at <= now, ~untold, jobs.to_try(JOB, Subscriber.id))
    found = db.scalars(due.with_for_update(skip_locked=True)).all()
    for subscriber in found:
        with jobs.row(JOB, subscriber.id, db):
            _end(db, subscriber)
    return len(found)


def _end(db: Session, subscriber: Subscriber) -> None:
    subscribers.lift(subscriber)
    decisions.write(db, Decision.RESTRICTION_LIFTED, subscriber.fingerprint)


def _tell(db: Session, subscriber: Subscriber, ends: datetime, now: datetime) -> None:
    day = long_day(ends.astimezone(settings().zone).date(), subscriber.locale)
    outbox.post(
        db, NoticeKind.UNRESTRICTED, email=subscriber.email, name=subscriber.name, locale=subscriber.locale,
        facts={"link": "/rights", "lifted": day}, now=now,
    )  # fmt: skip
