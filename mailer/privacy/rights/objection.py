"""Withdraw somebody's consents (RGPD 7(3)), or record their objection to every mailing (21).

No reason is asked for.  Both are effective at commit: each claim of a delivery checks again.
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
    """End every subscription, each with its notice and its undo link; return how many were active.

    No import brings them back, as when the last subscription is ended in the preferences.
    """
    ended = _end(db, fingerprint, WITHDRAWAL, now)
    if ended:
        preferences.end_all(db, fingerprint, now=now)
    for subscription_id in ended:
        outbox.goodbye(db, subscription_id, now=now)
    return len(ended)


def object_to(db: Session, *, email: str, locale: str, now: datetime) -> bool:
    """Suppress this address for every mailing; only its owner lifts that.  Return False if it was already."""
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
    """Withdraw all; return those that were active."""
    joined = select(Subscription.id, Subscription.state).join(
        Subscriber, Subscriber.id == Subscription.subscriber_id
    )
    theirs = Subscriber.fingerprint == fingerprint, Subscription.state != SubscriptionState.ENDED
    found = db.execute(joined.where(*theirs).order_by(Subscription.id)).all()
    for subscription_id, _ in found:
        subscriptions.withdraw(db, subscription_id, channel=channel, now=now)
    return [subscription_id for subscription_id, state in found if state is SubscriptionState.ACTIVE]
