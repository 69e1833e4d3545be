"""Confirm, renew, withdraw and end subscriptions: each step leaves a consent event.

Signing up is in signup.py.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from mailer.core.fingerprint import fingerprint_of
from mailer.subscribers import eligibility, suppressions
from mailer.subscribers.consent import chain
from mailer.subscribers.consent.given import given
from mailer.subscribers.consent.models import ConsentEvent, ConsentKind, ConsentPayload, Wording
from mailer.subscribers.consent.wordings import attach
from mailer.subscribers.models import (
    Departure,
    DepartureReason,
    Subscriber,
    Subscription,
    SubscriptionState,
)
from mailer.subscribers.recipients import receives, recipient

NOBODYS = UUID(int=0)
CONFIRM_WITHIN = timedelta(days=7)  # an unconfirmed sign-up is purged after that


class Confirmation(StrEnum):
    """Name what became of a confirmation."""

    CONFIRMED = "confirmed"
    REAFFIRMED = "reaffirmed"  # received already, by an import: from now on by their own consent
    ALREADY = "already"
    RESTRICTED = "restricted"  # RGPD 18: nothing is changed
    GONE = "gone"  # withdrawn, purged or erased since: one may sign up again


def confirm(
    db: Session,
    subscription_id: UUID,
    *,
    wording: Wording | None = None,
    channel: str = "link",
    now: datetime,
) -> Confirmation:
    """Subscribe a mailbox that says yes to the wording shown.

    Lifts a suppression: this is the fresh consent.
    """
    subscription = _locked(db, subscription_id)
    refusal = unasked(db, subscription)
    if subscription is None or refusal:
        return refusal or Confirmation.GONE
    received_before = received(db, subscription)
    subscriber = subscription.subscriber
    if subscription.state is not SubscriptionState.ACTIVE:
        _have_asked(db, subscription, wording, channel, now)
        subscription.changed_at = now
    reaffirm(db, subscription, subscriber, wording=wording, channel=channel, now=now)
    subscription.state = SubscriptionState.ACTIVE
    suppressions.lift_own(db, subscriber.fingerprint)
    return Confirmation.REAFFIRMED if received_before else Confirmation.CONFIRMED


def unasked(db: Session, subscription: Subscription | None) -> Confirmation | None:
    """Return what to say instead of asking for a confirmation; None where one would add something."""
    if subscription is None:
        return Confirmation.GONE
    if is_restricted(db, subscription):
        return Confirmation.RESTRICTED
    if subscription.state is SubscriptionState.ENDED:
        return None if eligibility.asked_last(_events(db, subscription)) else Confirmation.GONE
    if received(db, subscription) and own(db, subscription):
        return Confirmation.ALREADY
    return None


def is_restricted(db: Session, subscription: Subscription) -> bool:
    """Return whether nothing of theirs may be changed, unless they withdraw (RGPD 18)."""
    theirs = Subscriber.id == subscription.subscriber_id, Subscriber.restricted_at.is_not(None)
    return db.scalar(select(exists().where(*theirs))) or False


def received(db: Session, subscription: Subscription) -> bool:
    """Return whether issues are sent to it."""
    now = recipient()
    return db.scalar(select(exists().where(now.c.subscription_id == subscription.id, receives(now)))) or False


def own(db: Session, subscription: Subscription) -> bool:
    """Return whether the consent it rests on was given here."""
    kind = select(ConsentPayload.kind).where(ConsentPayload.event_id == given(subscription.consent_id))
    return eligibility.own_word(db.scalar(kind))


def _events(db: Session, subscription: Subscription) -> Sequence[ConsentPayload]:
    """Return their events under the address they have now, oldest first."""
    fingerprint = select(Subscriber.fingerprint).where(Subscriber.id == subscription.subscriber_id)
    query = (
        select(ConsentPayload)
        .join(ConsentEvent, ConsentEvent.id == ConsentPayload.event_id)
        .where(ConsentPayload.fingerprint == fingerprint.scalar_subquery())
        .where(ConsentPayload.newsletter_id == subscription.newsletter_id)
    )
    return db.scalars(query.order_by(ConsentEvent.seq)).all()


def _have_asked(
    db: Session, subscription: Subscription, wording: Wording | None, channel: str, now: datetime
) -> None:
    """Append the request that a confirmation answers, if it is missing: the same click makes it."""
    if eligibility.fold(event.kind for event in _events(db, subscription)) is SubscriptionState.PENDING:
        return
    asked = payload_of(subscription, subscription.subscriber, ConsentKind.REQUESTED, now, channel)
    if wording:
        attach(db, asked, wording)
    chain.append(db, asked)


def withdraw(db: Session, subscription_id: UUID | None, *, channel: str, now: datetime) -> bool:
    """End a subscription as the person asks; return whether that changed something.  Effective at commit.

    What has ended, or was erased (None), is only read, and with the same statement: a lock would be written,
    and the time of the answer would tell one from the other.
    """
    if not _lives(db, subscription_id or NOBODYS) or subscription_id is None:
        return False
    subscription = _locked(db, subscription_id)
    if subscription is None or subscription.state is SubscriptionState.ENDED:
        return False
    chain.append(db, payload_of(subscription, subscription.subscriber, ConsentKind.WITHDRAWN, now, channel))
    _end(subscription, now)
    return True


def _lives(db: Session, subscription_id: UUID) -> bool:
    lives = Subscription.id == subscription_id, Subscription.state != SubscriptionState.ENDED
    return db.scalar(select(exists().where(*lives))) or False


def _end(subscription: Subscription, at: datetime) -> None:
    subscription.state, subscription.consent_id = SubscriptionState.ENDED, None
    subscription.changed_at = at


def expire(db: Session, fingerprint: bytes, *, channel: str, at: datetime) -> bool:
    """End all subscriptions of somebody who did not ask for it; return whether there was any."""
    joined = select(Subscription, Subscriber).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
    theirs = Subscriber.fingerprint == fingerprint, Subscription.state != SubscriptionState.ENDED
    live = db.execute(joined.where(*theirs).order_by(Subscription.id).with_for_update(of=Subscription)).all()
    for subscription, subscriber in live:
        chain.append(db, payload_of(subscription, subscriber, ConsentKind.EXPIRED, at, channel))
        _end(subscription, at)
    db.flush()
    return bool(live)


def informed(db: Session, subscription_id: UUID, *, now: datetime) -> None:
    """Record that they were told who has their address, unless they had been (RGPD 13, 14)."""
    theirs = Subscription.id == subscription_id, Subscription.informed_at.is_(None)
    db.execute(update(Subscription).where(*theirs).values(informed_at=now))


def keep_open(db: Session, subscription_id: UUID, *, now: datetime) -> None:
    """Begin a sign-up's time to confirm anew, since its link has just left."""
    theirs = Subscription.id == subscription_id, Subscription.state == SubscriptionState.PENDING
    db.execute(update(Subscription).where(*theirs).values(changed_at=now))


def renew(
    db: Session, subscription_id: UUID, *, wording: Wording, channel: str = "link", now: datetime
) -> Confirmation:
    """Record a fresh consent, asked and given at once by whoever a link to the mailbox was sent to."""
    subscription = _locked(db, subscription_id)
    if subscription is None:
        return Confirmation.GONE
    if subscription.state is SubscriptionState.ENDED and not is_restricted(db, subscription):
        subscription.state = SubscriptionState.PENDING
    return confirm(db, subscription_id, wording=wording, channel=channel, now=now)


def reaffirm(
    db: Session,
    subscription: Subscription,
    subscriber: Subscriber,
    *,
    wording: Wording | None,
    channel: str = "link",
    now: datetime,
) -> None:
    """Record a consent to the wording shown; it replaces the one that a subscription rests on."""
    confirmed = payload_of(subscription, subscriber, ConsentKind.CONFIRMED, now, channel)
    if wording:
        attach(db, confirmed, wording)
    subscription.consent_id = chain.append(db, confirmed).id
    subscription.informed_at = now  # by the page, and the notices it links to (RGPD 13)


def count_departure(db: Session, newsletter_id: UUID, reason: DepartureReason, day: date) -> None:
    """Count one more person who left for this reason on that day."""
    row = {"newsletter_id": newsletter_id, "reason": reason, "day": day, "count": 1}
    db.execute(
        insert(Departure)
        .values(row)
        .on_conflict_do_update(
            index_elements=["newsletter_id", "day", "reason"], set_={"count": Departure.count + 1}
        )
    )


def subscriber_for(db: Session, email: str, name: str | None, locale: str, now: datetime) -> Subscriber:
    db.execute(
        insert(Subscriber)
        .values(email=email, fingerprint=fingerprint_of(email), name=name, locale=locale, created_at=now)
        .on_conflict_do_nothing()
    )
    mine = Subscriber.fingerprint == fingerprint_of(email)
    return db.execute(select(Subscriber).where(mine)).scalar_one()


def subscription_for(db: Session, subscriber: Subscriber, newsletter_id: UUID, now: datetime) -> Subscription:
    db.execute(
        insert(Subscription)
        .values(
            subscriber_id=subscriber.id,
            newsletter_id=newsletter_id,
            state=SubscriptionState.PENDING,
            changed_at=now,
        )
        .on_conflict_do_nothing()
    )
    mine = Subscription.subscriber_id == subscriber.id, Subscription.newsletter_id == newsletter_id
    locked = select(Subscription).where(*mine).with_for_update()
    return db.execute(locked.execution_options(populate_existing=True)).scalar_one()


def _locked(db: Session, subscription_id: UUID) -> Subscription | None:
    """Lock a subscription, then read it with its person: their address may have changed meanwhile."""
    one = Subscription.id == subscription_id
    db.execute(select(Subscription.id).where(one).with_for_update())
    fresh = select(Subscription).where(one).options(joinedload(Subscription.subscriber))
    return db.scalar(fresh.execution_options(populate_existing=True))


def payload_of(
    subscription: Subscription, subscriber: Subscriber, kind: ConsentKind, at: datetime, channel: str
) -> ConsentPayload:
    return ConsentPayload(
        fingerprint=subscriber.fingerprint,
        newsletter_id=subscription.newsletter_id,
        kind=kind,
        at=at,
        channel=channel,
    )
