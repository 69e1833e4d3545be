"""Tell imported people who has their address, before any letter (RGPD 14)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from mailer.core import jobs
from mailer.notices.models import Notice, NoticeKind
from mailer.notices.outbox import welcome
from mailer.smtp.replies import DeliveryState
from mailer.subscribers.eligibility import PASSING
from mailer.subscribers.models import Subscription, SubscriptionState
from mailer.subscribers.recipients import recipient

JOB = "introductions"
INTRODUCED = 100  # imported people told at a time: a confirmation does not wait for more of them


def introduce(db: Session, *, now: datetime, limit: int = INTRODUCED) -> int:
    """Have a few of the imported people told who has their address, and from where; how many.

    Before any letter (RGPD 14, 3 b), also where they asked for a rest: it puts off letters, not this, for
    which there is a month.  One notice for each import: whom the relay refused, nobody writes to.
    """
    found = db.scalars(_to_tell().limit(limit)).all()
    for subscription_id in found:
        with jobs.row(JOB, subscription_id, db):
            welcome(db, subscription_id, now=now)
    return len(found)


def waiting_since(db: Session) -> datetime | None:
    """Return since when the first of those waits who are still to be told; None when nobody is."""
    waiting = Subscription.id.in_(_to_tell())
    return db.scalar(select(func.min(Subscription.changed_at)).where(waiting))


def _to_tell() -> Select[UUID]:
    """Select the imported people, as subscriptions, who are told neither by now nor by a mail under way."""
    rows = recipient()
    told = exists().where(
        Notice.subscriber_id == Subscription.subscriber_id,
        Notice.newsletter_id == Subscription.newsletter_id,
        Notice.kind == NoticeKind.WELCOME, Notice.created_at >= Subscription.changed_at,
        Notice.state != DeliveryState.WITHHELD,
    )  # fmt: skip
    indexed = Subscription.state == SubscriptionState.ACTIVE, Subscription.informed_at.is_(None)
    joined = select(Subscription.id).join(rows, rows.c.subscription_id == Subscription.id)
    return joined.where(*indexed, rows.c.withheld.in_(PASSING), ~told, jobs.to_try(JOB, Subscription.id))
