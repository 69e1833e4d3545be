"""Withdraw somebody's consents (RGPD 7(3)), or record their objection to every mailing (21).

No reason is asked for.  Both are effective at commit: each claim of a delivery checks again.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
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


def withdraw(
    db: Session, fingerprint: bytes, *, now: datetime, channel: str = WITHDRAWAL,
    newsletters: Collection[UUID] | None = None,
) -> list[UUID]:  # fmt: skip
    """End every subscription, or those to some newsletters, each with its notice and its undo link.

    Return the newsletters of those that were active.  When none is left no import brings them back, as when
    the last subscription is ended in the preferences.
    """
    ended = _end(db, fingerprint, channel, now, newsletters)
    if ended and not _active(db, fingerprint):
        preferences.end_all(db, fingerprint, now=now)
    for subscription_id in ended:
        outbox.goodbye(db, subscription_id, now=now)
    return list(ended.values())


def object_to(db: Session, *, email: str, locale: str, now: datetime, channel: str = OBJECTION) -> bool:
    """Suppress this address for every mailing; only its owner lifts that.  Return False if it was already."""
    fingerprint = fingerprint_of(email)
    _end(db, fingerprint, channel, now)
    if not suppressions.add_or_strengthen(
        db, SuppressedAddress(fingerprint, SuppressionReason.OBJECTED, now)
    ):
        return False
    decisions.write(db, Decision.OBJECTION, fingerprint)
    outbox.post(db, NoticeKind.OBJECTED, email=email, locale=locale, facts={"link": "/rights"}, now=now)
    return True


def _end(
    db: Session, fingerprint: bytes, channel: str, now: datetime, newsletters: Collection[UUID] | None = None
) -> dict[UUID, UUID]:
    """Withdraw all, or those to some newsletters; return the newsletter of each that was active."""
    theirs = select(Subscription.id, Subscription.state, Subscription.newsletter_id).where(
        _of(fingerprint), Subscription.state != SubscriptionState.ENDED
    )
    if newsletters is not None:
        theirs = theirs.where(Subscription.newsletter_id.in_(newsletters))
    found = db.execute(theirs.order_by(Subscription.id)).all()
    for row in found:
        subscriptions.withdraw(db, row.id, channel=channel, now=now)
    return {row.id: row.newsletter_id for row in found if row.state is SubscriptionState.ACTIVE}


def _active(db: Session, fingerprint: bytes) -> bool:
    active = _of(fingerprint), Subscription.state == SubscriptionState.ACTIVE
    return db.scalar(select(exists().where(*active))) or False


def _of(fingerprint: bytes) -> ColumnElement[bool]:
    return Subscription.subscriber_id.in_(select(Subscriber.id).where(Subscriber.fingerprint == fingerprint))
