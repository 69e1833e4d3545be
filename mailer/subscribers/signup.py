"""Keep what a sign-up form received, and decide what becomes of it.

A robot can make a form write to anybody, as often as it likes.  So a request is only kept; a worker decides
later, in the same way whoever asks, and each mailbox, provider and hour has its limit.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, contains_eager

from mailer.core import jobs, throttle
from mailer.core.address import domain, mailbox
from mailer.core.db import changed
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import settings
from mailer.core.throttle import Limit
from mailer.subscribers import subscriptions, suppressions
from mailer.subscribers.consent import chain, wordings
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload, Wording
from mailer.subscribers.eligibility import UNCONFIRMED
from mailer.subscribers.models import SignupRequest, Subscriber, Subscription, SubscriptionState, Suppression
from mailer.subscribers.subscriptions import CONFIRM_WITHIN

DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
MAILS_A_DAY = 3  # that sign-up forms may cause to one mailbox, for all newsletters together
SUPPRESSED_ASKED_EVERY = timedelta(days=30)
LONGEST_WAIT = timedelta(hours=2)  # what is too much in an hour waits for the next
JOB, PURGE = "signups", "unconfirmed"


class Due(StrEnum):
    """Name the notice that answers a sign-up."""

    CONFIRMATION = "confirmation"
    ALREADY = "already"


@dataclass(frozen=True)
class SignupDecision:
    """Hold what a sign-up led to: a subscription, and the notice to send."""

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


def decide(db: Session, request: SignupRequest, *, now: datetime) -> SignupDecision | None:
    """Turn a request into a subscription to be confirmed, and say which notice is due; None when none is.

    An active subscription stays so meanwhile.  The request is deleted, unless too many came and it waits.
    """
    later = _full_until(db, request.email, now)
    if later:
        request.due_at = later
        return None
    db.delete(request)
    if _restricted(db, request.email) or not _may_be_asked(db, request, now):
        return None
    for limit in (_hourly(), _hourly(domain(request.email))):
        throttle.take(db, limit, now=now)
    return _ask_confirmation(db, request, now)


def forget_requests(db: Session) -> int:
    """Delete every request that waits; return how many."""
    return changed(db, delete(SignupRequest))


def bring_back(db: Session, *, now: datetime) -> int:
    """Make due now what is due later than any wait we give: a clock was ahead; how many requests."""
    far = SignupRequest.due_at > now + LONGEST_WAIT
    return changed(db, update(SignupRequest).where(far).values(due_at=now))


def breaker(db: Session, *, now: datetime) -> datetime | None:
    """Return when sign-ups are answered again, if so many came in an hour that a person should look."""
    return throttle.full_until(db, _hourly(), now=now)


def purge(db: Session, *, now: datetime, limit: int = 200) -> int:
    """Delete sign-ups that were not confirmed in time; return how many.  Call again until there are none.

    Whoever had consented before stays, as somebody who left; restricted data stay as they are (RGPD 18).
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
    """Return when a request may be decided on, if an hourly limit (for all, or its provider) is reached."""
    ends = (throttle.full_until(db, limit, now=now) for limit in (_hourly(), _hourly(domain(email))))
    return max(filter(None, ends), default=None)


def _restricted(db: Session, email: str) -> bool:
    """Return whether their data are restricted: no form changes them (RGPD 18)."""
    theirs = Subscriber.email == email, Subscriber.restricted_at.is_not(None)
    return db.scalar(select(exists().where(*theirs))) or False


def _hourly(provider: str | None = None) -> Limit:
    """Return how many mails all forms may cause in an hour, or half of it for one provider's mailboxes."""
    times = settings().signups_per_hour
    if provider is None:
        return throttle.limit(times, HOUR, "signups")
    return throttle.limit(max(times // 2, 1), HOUR, "signups at", provider)


def _may_be_asked(db: Session, request: SignupRequest, now: datetime) -> bool:
    """Return whether a mail may go: once a day for a newsletter, a few times a day for all of them.

    A suppressed address is asked once in 30 days.
    """
    box = mailbox(request.email)
    once = throttle.limit(1, DAY, "signup", str(request.newsletter_id), box)
    if not throttle.take(db, once, now=now):
        return False
    if not throttle.take(db, throttle.limit(MAILS_A_DAY, DAY, "signups of", box), now=now):
        return False
    suppression = suppressions.find(db, fingerprint_of(request.email))
    return not (suppression and suppression.asked_at and now - suppression.asked_at < SUPPRESSED_ASKED_EVERY)


def _ask_confirmation(db: Session, request: SignupRequest, now: datetime) -> SignupDecision:
    subscriber, subscription = _subscription_of(db, request, now)
    if subscriptions.received(db, subscription) and subscriptions.own(db, subscription):
        return SignupDecision(subscription.id, Due.ALREADY)
    if not _ever_consented(db, subscriber):  # a form does not rename whoever has
        subscriber.name, subscriber.locale = request.name, request.locale
    payload = subscriptions.payload_of(subscription, subscriber, ConsentKind.REQUESTED, request.at, "form")
    payload.form_version, payload.wording_sha256 = request.form_version, request.wording_sha256
    chain.append(db, payload)
    if subscription.state is not SubscriptionState.ACTIVE:
        subscription.state, subscription.changed_at = SubscriptionState.PENDING, now
    mine = Suppression.fingerprint == subscriber.fingerprint  # locked last, as a confirmation does
    db.execute(update(Suppression).where(mine).values(asked_at=now))
    return SignupDecision(subscription.id, Due.CONFIRMATION)


def _subscription_of(db: Session, request: SignupRequest, now: datetime) -> tuple[Subscriber, Subscription]:
    """Return who has that address, and their subscription, which is locked from then on."""
    subscriber = subscriptions.subscriber_for(db, request.email, request.name, request.locale, request.at)
    subscription = subscriptions.subscription_for(db, subscriber, request.newsletter_id, now)
    db.refresh(subscriber)
    if subscriber.email != request.email:  # it changed while we waited for the lock
        return _subscription_of(db, request, now)
    return subscriber, subscription


def _ever_consented(db: Session, subscriber: Subscriber, newsletter_id: UUID | None = None) -> bool:
    consents = (
        ConsentPayload.fingerprint == subscriber.fingerprint,
        ConsentPayload.kind.in_((ConsentKind.CONFIRMED, ConsentKind.IMPORTED, ConsentKind.RECTIFIED)),
        *((ConsentPayload.newsletter_id == newsletter_id,) if newsletter_id else ()),
    )
    return db.scalar(select(exists().where(*consents))) or False


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
