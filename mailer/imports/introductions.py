"""Tell imported people who has their address, before any letter (RGPD 14)."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session

from mailer.core import jobs
from mailer.notices import outbox
from mailer.notices.models import Notice, NoticeKind
from mailer.smtp.replies import NO_SUCH_MAILBOX, DeliveryState
from mailer.subscribers.eligibility import PASSING
from mailer.subscribers.models import Subscription, SubscriptionState
from mailer.subscribers.recipients import recipient

JOB = "introductions"
INTRODUCED = 100  # imported people told at a time: a confirmation does not wait for more of them
TRIES = 4  # introductions that a relay refused, before a person is asked
AGAIN_AFTER = timedelta(days=3)  # a refusal; all of them within the month of RGPD 14(3)(a)


def introduce(db: Session, *, now: datetime, limit: int = INTRODUCED) -> int:
    """Have a few of the imported people told who has their address, and from where; how many.

    Before any letter (RGPD 14, 3 b), also where they asked for a rest: it puts off letters, not this, for
    which there is a month.  One notice for each import; a refused one is tried again, as the next letter
    would be, unless there is no such mailbox (`refused_introductions` has those that were tried enough).
    """
    found = db.scalars(_to_tell(now).limit(limit)).all()
    for subscription_id in found:
        with jobs.row(JOB, subscription_id, db):
            outbox.introduce(db, subscription_id, now=now)
    return len(found)


def waiting_since(db: Session, *, now: datetime) -> datetime | None:
    """Return since when the first of those waits who are still to be told; None when nobody is."""
    waiting = Subscription.id.in_(_to_tell(now))
    return db.scalar(select(func.min(Subscription.changed_at)).where(waiting))


def _to_tell(now: datetime) -> Select[UUID]:
    """Select the imported people, as subscriptions, who are told neither by now nor by a mail under way."""
    rows = recipient()
    under_way = of_this_import(Notice.state.not_in((DeliveryState.WITHHELD, DeliveryState.REFUSED)))
    joined = select(Subscription.id).join(rows, rows.c.subscription_id == Subscription.id)
    return joined.where(
        *uninformed(), rows.c.withheld.in_(PASSING), ~exists().where(*under_way), ~_tried_enough(now),
        jobs.to_try(JOB, Subscription.id),
    )  # fmt: skip


def uninformed() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a subscription waits for its introduction."""
    return Subscription.state == SubscriptionState.ACTIVE, Subscription.informed_at.is_(None)


def of_this_import(*more: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a notice is an introduction of the subscription, since it was imported."""
    return (
        Notice.subscriber_id == Subscription.subscriber_id,
        Notice.newsletter_id == Subscription.newsletter_id,
        Notice.kind == NoticeKind.WELCOME, Notice.created_at >= Subscription.changed_at, *more,
    )  # fmt: skip


def given_up() -> ColumnElement[bool]:
    """Return the condition that its introduction was refused often enough, or for want of a mailbox."""
    refused = of_this_import(Notice.state == DeliveryState.REFUSED)
    times = select(func.count()).select_from(Notice).where(*refused).correlate(Subscription)
    return exists().where(*refused, Notice.enhanced.in_(NO_SUCH_MAILBOX)) | (times.scalar_subquery() >= TRIES)


def _tried_enough(now: datetime) -> ColumnElement[bool]:
    """Return the condition that it is not tried again now."""
    lately = of_this_import(Notice.state == DeliveryState.REFUSED, Notice.due_at > now - AGAIN_AFTER)
    return exists().where(*lately) | given_up()
