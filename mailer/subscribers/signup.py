"""Signing up: what a form received, and what becomes of it.

A form can be made to write to anybody, as often as a robot likes.  So a request is only kept; a worker
decides later, in the same way whoever asks, and each mailbox, provider and hour has its limit.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, contains_eager

from mailer.core import fingerprint, jobs, throttle
from mailer.core.address import domain, mailbox
from mailer.core.db import changed
from mailer.core.settings import settings
from mailer.core.throttle import Limit
from mailer.subscribers import subscriptions
from mailer.subscribers.consent import chain, wordings
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload, Wording
from mailer.subscribers.eligibility import UNCONFIRMED
from mailer.subscribers.models import SignupRequest, Subscriber, Subscription, SubscriptionState, Suppression
from mailer.subscribers.subscriptions import CONFIRM_WITHIN

DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
MAILS_A_DAY = 3  # that sign-up forms may cause to one mailbox, for all newsletters together
NEVER_AGAIN_ASKED_PER = timedelta(days=30)
JOB, PURGE = "signups", "unconfirmed"


class Due(StrEnum):
    """The notice that answers a sign-up."""

    CONFIRMATION = "confirmation"
    ALREADY = "already"


@dataclass(frozen=True)
class Decided:
    subscription_id: UUID
    due: Due


def request(
    db: Session,
    *,
    newsletter_id: UUID,
    email: str,
    name: str | None,
    locale: str,
    wording: Wording,
    now: datetime,
) -> None:
    """Keep what the form received.  The statements are the same whoever asks: nothing is looked up."""
    wordings.keep_wording(db, wording)
    db.execute(
        insert(SignupRequest).values(
            newsletter_id=newsletter_id,
            email=email,
            name=name,
            locale=locale,
            form_version=wording.version,
            wording_sha256=wording.sha256,
            at=now,
            due_at=now,
        )
    )


def waiting(db: Session, *, now: datetime) -> bool:
    """Return whether a request is due."""
    return db.scalar(select(exists().where(*_due(now)))) or False


def next_due(db: Session, *, now: datetime) -> SignupRequest | None:
    """Return the oldest request that is due and that nobody is deciding, or None."""
    due = select(SignupRequest).where(*_due(now)).limit(1)
    oldest = due.order_by(SignupRequest.due_at, SignupRequest.at)
    return db.scalar(oldest.with_for_update(skip_locked=True))


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return SignupRequest.due_at <= now, jobs.to_try(JOB, SignupRequest.id)


def decide(db: Session, asked: SignupRequest, *, now: datetime) -> Decided | None:
    """Turn a request into a subscription to be confirmed, and say which mail is due; None when none is.

    What is active stays so meanwhile.  The request is used up, unless so many came that it has to wait.
    """
    later = _full_until(db, asked.email, now)
    if later:
        asked.due_at = later
        return None
    db.delete(asked)
    if _restricted(db, asked.email) or not _may_be_asked(db, asked, now):
        return None
    for limit in (_hourly(), _hourly(domain(asked.email))):
        throttle.take(db, limit, now=now)
    return _asked(db, asked, now)


def forget_requests(db: Session) -> int:
    """Drop every request that waits; how many."""
    return changed(db, delete(SignupRequest))


def breaker(db: Session, *, now: datetime) -> datetime | None:
    """Return when sign-ups are answered again, if so many came within the hour that a person should look."""
    return throttle.full_until(db, _hourly(), now=now)


def purge(db: Session, *, now: datetime, limit: int = 200) -> int:
    """Forget sign-ups that were not confirmed in time; how many.  Call again until there are none.

    Whoever had consented before stays, as somebody who left; what is restricted stays as it is (RGPD 18).
    """
    stale = (
        select(Subscription)
        .join(Subscription.subscriber)
        .where(
            Subscription.state == SubscriptionState.PENDING,
            Subscription.changed_at <= now - CONFIRM_WITHIN,
            Subscriber.restricted_at.is_(None),
            jobs.to_try(PURGE, Subscription.id),
        )
        .options(contains_eager(Subscription.subscriber))
        .limit(limit)
        .with_for_update(of=[Subscription, Subscriber], skip_locked=True)
    )
    found = db.scalars(stale).all()
    for subscription in found:
        with jobs.row(PURGE, subscription.id, db):
            _expire(db, subscription, now)
    return len(found)


def _full_until(db: Session, email: str, now: datetime) -> datetime | None:
    """Return when this address may be decided on: the hour, or its provider's, may be full."""
    ends = (throttle.full_until(db, each, now=now) for each in (_hourly(), _hourly(domain(email))))
    return max(filter(None, ends), default=None)


def _restricted(db: Session, email: str) -> bool:
    """RGPD 18: frozen data are not changed, whoever fills in a form."""
    frozen = Subscriber.email == email, Subscriber.restricted_at.is_not(None)
    return db.scalar(select(exists().where(*frozen))) or False


def _hourly(provider: str | None = None) -> Limit:
    """Return what all forms may cause in an hour, and what half of it one provider's mailboxes may get."""
    times = settings().signups_per_hour
    if provider is None:
        return throttle.limit(times, HOUR, "signups")
    return throttle.limit(max(times // 2, 1), HOUR, "signups at", provider)


def _may_be_asked(db: Session, asked: SignupRequest, now: datetime) -> bool:
    """Once a day for a newsletter, and a few times for all; once in 30 days after a never-again."""
    box = mailbox(asked.email)
    once = throttle.limit(1, DAY, "signup", str(asked.newsletter_id), box)
    if not throttle.take(db, once, now=now):
        return False
    if not throttle.take(db, throttle.limit(MAILS_A_DAY, DAY, "signups of", box), now=now):
        return False
    never = db.get(Suppression, fingerprint.fingerprint(asked.email))
    return not (never and never.asked_at and now - never.asked_at < NEVER_AGAIN_ASKED_PER)


def _asked(db: Session, asked: SignupRequest, now: datetime) -> Decided:
    subscriber, subscription = _of(db, asked, now)
    if subscriptions.received(db, subscription) and subscriptions.own(db, subscription):
        return Decided(subscription.id, Due.ALREADY)
    if not _ever_consented(db, subscriber):  # whoever has, is not renamed by a form
        subscriber.name, subscriber.locale = asked.name, asked.locale
    payload = subscriptions.payload_of(subscription, subscriber, ConsentKind.REQUESTED, asked.at, "form")
    payload.form_version, payload.wording_sha256 = asked.form_version, asked.wording_sha256
    chain.append(db, payload)
    if subscription.state is not SubscriptionState.ACTIVE:
        subscription.state, subscription.changed_at = SubscriptionState.PENDING, now
    mine = Suppression.fingerprint == subscriber.fingerprint  # locked last, as a confirmation does
    db.execute(update(Suppression).where(mine).values(asked_at=now))
    return Decided(subscription.id, Due.CONFIRMATION)


def _of(db: Session, asked: SignupRequest, now: datetime) -> tuple[Subscriber, Subscription]:
    """Return who has that address, and their subscription, which is held from then on."""
    subscriber = subscriptions.subscriber_for(db, asked.email, asked.name, asked.locale, asked.at)
    subscription = subscriptions.subscription_for(db, subscriber, asked.newsletter_id, now)
    db.refresh(subscriber)
    if subscriber.email != asked.email:  # they moved to another while we waited for them
        return _of(db, asked, now)
    return subscriber, subscription


def _ever_consented(db: Session, subscriber: Subscriber, newsletter_id: UUID | None = None) -> bool:
    said = (
        ConsentPayload.fingerprint == subscriber.fingerprint,
        ConsentPayload.kind.in_((ConsentKind.CONFIRMED, ConsentKind.IMPORTED, ConsentKind.RECTIFIED)),
        *((ConsentPayload.newsletter_id == newsletter_id,) if newsletter_id else ()),
    )
    return db.scalar(select(exists().where(*said))) or False


def _expire(db: Session, subscription: Subscription, now: datetime) -> None:
    subscriber = subscription.subscriber
    chain.append(
        db, subscriptions.payload_of(subscription, subscriber, ConsentKind.EXPIRED, now, UNCONFIRMED)
    )
    if _ever_consented(db, subscriber, subscription.newsletter_id):
        subscription.state, subscription.changed_at = SubscriptionState.ENDED, now
        return
    db.execute(delete(Subscription).where(Subscription.id == subscription.id))
    others = exists().where(Subscription.subscriber_id == subscriber.id)
    db.execute(delete(Subscriber).where(Subscriber.id == subscriber.id, ~others))
