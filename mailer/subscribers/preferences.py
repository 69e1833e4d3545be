"""Let a person choose which newsletters they receive.

The page is reached by a fresh link to the address on file.  As with a sign-up, the form's request is only
kept, with the same statements whoever asks; a worker decides.  Links live by the rule of rights links: a few
at once, and the last that may leave for now until another may.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.core import jobs, throttle
from mailer.core.address import mailbox
from mailer.core.db import changed
from mailer.core.throttle import Bucket
from mailer.subscribers import subscriptions, suppressions
from mailer.subscribers.consent.models import Wording
from mailer.subscribers.models import (
    PreferencesRequest,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from mailer.subscribers.suppressions import SuppressedAddress

OPEN_FOR = timedelta(hours=1)  # a link, from when it was sent
KEPT = timedelta(hours=24)  # no link lives longer
LINKS = 3, timedelta(hours=8)  # to one mailbox at once, and until one more may leave
LONGEST_PAUSE = timedelta(days=366)
CHANNEL = JOB = "preferences"
_KNOWN = (SubscriptionState.ACTIVE, SubscriptionState.ENDED)


@dataclass(frozen=True)
class LinkDue:
    """Hold who gets a link, by a subscription of theirs; the last that can leave lives until another can."""

    subscription_id: UUID
    lasts_until: datetime | None


def request(db: Session, *, email: str, now: datetime) -> None:
    """Keep the address a link was asked for."""
    db.execute(insert(PreferencesRequest).values(email=email, at=now))


def waiting(db: Session) -> bool:
    """Return whether somebody asked for a link."""
    due = select(PreferencesRequest.id).where(jobs.to_try(JOB, PreferencesRequest.id))
    return db.scalar(due.limit(1)) is not None


def next_due(db: Session) -> PreferencesRequest | None:
    """Return the oldest request that nobody is deciding, or None."""
    due = select(PreferencesRequest).where(jobs.to_try(JOB, PreferencesRequest.id))
    return db.scalar(due.order_by(PreferencesRequest.at).limit(1).with_for_update(skip_locked=True))


def decide(db: Session, request: PreferencesRequest, *, now: datetime) -> LinkDue | None:
    """Delete a request; return which link they get, if they get one.

    Nobody is written to who never agreed to anything, or who is suppressed.
    """
    db.delete(request)
    known = _subscription_of(db, request.email)
    places = _places(request.email)
    if known is None or throttle.pour(db, places, now=now):
        return None
    return LinkDue(known, throttle.next_place(db, places, now=now))


def used(db: Session, email: str, token: str, *, now: datetime) -> None:
    """Give a link's place back, once."""
    if throttle.take(db, throttle.limit(1, timedelta(hours=24), "preferences link", token), now=now):
        throttle.give_back(db, _places(email))


def _places(email: str) -> Bucket:
    return throttle.bucket(*LINKS, "preferences of", mailbox(email))


def forget_requests(db: Session) -> int:
    """Delete every request that waits; return how many."""
    return changed(db, delete(PreferencesRequest))


def chosen(db: Session, subscriber_id: UUID) -> set[UUID]:
    """Return the newsletters somebody receives."""
    active = Subscription.subscriber_id == subscriber_id, Subscription.state == SubscriptionState.ACTIVE
    return set(db.scalars(select(Subscription.newsletter_id).where(*active)))


def still_theirs(subscriber: Subscriber, signed_at: datetime) -> bool:
    """Return whether a link of that time went to the address they have now."""
    return subscriber.address_since is None or signed_at >= subscriber.address_since


def subscribe(
    db: Session, subscriber: Subscriber, newsletter_id: UUID, *, wording: Wording, now: datetime
) -> UUID:
    """Subscribe whoever holds the mailbox to one more newsletter; return the subscription's id."""
    subscription = subscriptions.subscription_for(db, subscriber, newsletter_id, now)
    subscriptions.renew(db, subscription.id, wording=wording, channel=CHANNEL, now=now)
    return subscription.id


def unsubscribe(db: Session, subscriber_id: UUID, newsletter_id: UUID, *, now: datetime) -> UUID | None:
    """End one subscription; return its id, None when there was nothing to end."""
    mine = Subscription.subscriber_id == subscriber_id, Subscription.newsletter_id == newsletter_id
    subscription_id = db.scalar(select(Subscription.id).where(*mine))
    if subscription_id and subscriptions.withdraw(db, subscription_id, channel=CHANNEL, now=now):
        return subscription_id
    return None


def end_all(db: Session, fingerprint: bytes, *, now: datetime) -> None:
    """Suppress an address whose owner has ended all of their subscriptions, or the last one.

    No import brings them back; subscribing again, undoing the withdrawal or a fresh sign-up does.
    """
    suppressions.add_or_strengthen(
        db, SuppressedAddress(fingerprint, SuppressionReason.UNSUBSCRIBED_ALL, now)
    )


def _subscription_of(db: Session, email: str) -> UUID | None:
    """Return the newest subscription by which this address may be sent its link."""
    mine = (
        select(Subscription.id)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(
            Subscriber.email == email,
            Subscription.state.in_(_KNOWN),
            ~exists().where(Suppression.fingerprint == Subscriber.fingerprint),
        )
    )
    return db.scalar(mine.order_by(Subscription.state, Subscription.changed_at.desc()).limit(1))
