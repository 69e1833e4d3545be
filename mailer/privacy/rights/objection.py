"""Objection (RGPD 21) and withdrawal (7(3)): no letter, or no letter ever again.  No reason is asked for.

Effective at commit: the gate of the send asks again before each claim.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.fingerprint import fingerprint_of
from mailer.notices import outbox
from mailer.notices.models import NoticeKind
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.subscribers import preferences, subscriptions, suppressions
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState, SuppressionReason
from mailer.subscribers.suppressions import SuppressedAddress

OBJECTION, WITHDRAWAL = "objection", "rights"  # the channels of what they end


def withdraw(db: Session, fingerprint: bytes, *, now: datetime) -> int:
    """End every subscription, each with its goodbye and its way back; how many had letters sent.

    No import brings them back, as when the last letter is ended in the preferences.
    """
    ended = _end(db, fingerprint, WITHDRAWAL, now)
    if ended:
        preferences.end_all(db, fingerprint, now=now)
    for subscription_id in ended:
        outbox.goodbye(db, subscription_id, now=now)
    return len(ended)


def object_to(db: Session, *, email: str, locale: str, now: datetime) -> bool:
    """Bar this address from every mailing; only its owner lifts that.  False if they had objected before."""
    fingerprint = fingerprint_of(email)
    _end(db, fingerprint, OBJECTION, now)
    if not suppressions.add_or_strengthen(
        db, SuppressedAddress(fingerprint, SuppressionReason.OBJECTED, now)
    ):
        return False
    decisions.write(db, Decision.OBJECTION, fingerprint)
    outbox.post(db, NoticeKind.OBJECTED, email=email, locale=locale, facts={"link": "/rights"}, now=now)
    return True


def _end(db: Session, fingerprint: bytes, channel: str, now: datetime) -> list[UUID]:
    """Withdraw all; those that were active."""
    joined = select(Subscription.id, Subscription.state).join(
        Subscriber, Subscriber.id == Subscription.subscriber_id
    )
    theirs = Subscriber.fingerprint == fingerprint, Subscription.state != SubscriptionState.ENDED
    found = db.execute(joined.where(*theirs).order_by(Subscription.id)).all()
    for subscription_id, _ in found:
        subscriptions.withdraw(db, subscription_id, channel=channel, now=now)
    return [subscription_id for subscription_id, state in found if state is SubscriptionState.ACTIVE]
