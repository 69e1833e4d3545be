"""Tell imported people who has their address, before any letter (RGPD 14)."""

from datetime import datetime

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from mailer.notices.models import Notice, NoticeKind
from mailer.notices.outbox import welcome
from mailer.smtp.replies import DeliveryState
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState, Suppression

INTRODUCED = 100  # imported people told at a time: a confirmation does not wait for more of them


def introduce(db: Session, *, now: datetime, limit: int = INTRODUCED) -> int:
    """Have a few of the imported people told who has their address, and from where; how many.

    Before any letter (RGPD 14, 3 b).  One notice for each import: whom the relay refused, nobody writes to.
    """
    told = exists().where(
        Notice.subscriber_id == Subscription.subscriber_id,
        Notice.newsletter_id == Subscription.newsletter_id,
        Notice.kind == NoticeKind.WELCOME, Notice.created_at >= Subscription.changed_at,
        Notice.state != DeliveryState.WITHHELD,
    )  # fmt: skip
    barred = exists().where(
        Subscriber.id == Subscription.subscriber_id,
        or_(
            Subscriber.restricted_at.is_not(None),
            exists().where(Suppression.fingerprint == Subscriber.fingerprint),
        ),
    )
    uninformed = Subscription.state == SubscriptionState.ACTIVE, Subscription.informed_at.is_(None)
    found = db.scalars(select(Subscription.id).where(*uninformed, ~told, ~barred).limit(limit)).all()
    for subscription_id in found:
        welcome(db, subscription_id, now=now)
    return len(found)
