"""Tell imported people who has their address, before any letter (RGPD 14)."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from mailer.core import jobs
from mailer.notices import outbox
from mailer.notices.models import Notice, NoticeKind
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
    rows = recipient()
    told = exists().where(
        Notice.subscriber_id == Subscription.subscriber_id,
        Notice.newsletter_id == Subscription.newsletter_id,
        Notice.kind == NoticeKind.WELCOME, Notice.created_at >= Subscription.changed_at,
        Notice.state != DeliveryState.WITHHELD,
    )  # fmt: skip
    indexed = Subscription.state == SubscriptionState.ACTIVE, Subscription.informed_at.is_(None)
    joined = select(Subscription.id).join(rows, rows.c.subscription_id == Subscription.id)
    some = joined.where(
        *indexed, rows.c.withheld.in_(PASSING), ~told, jobs.to_try(JOB, Subscription.id)
    ).limit(limit)
    found = db.scalars(some).all()
    for subscription_id in found:
        with jobs.row(JOB, subscription_id, db):
            outbox.introduce(db, subscription_id, now=now)
    return len(found)
