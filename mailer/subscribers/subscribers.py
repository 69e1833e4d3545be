"""Find people, and change what is kept of them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mailer.core.db import changed
from mailer.core.fingerprint import fingerprint_of
from mailer.newsletters.models import Newsletter
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.subscribers import subscriptions
from mailer.subscribers.consent import chain
from mailer.subscribers.consent.given import given
from mailer.subscribers.consent.models import ConsentKind
from mailer.subscribers.models import PreferencesRequest, SignupRequest, Subscriber, Subscription
from mailer.subscribers.recipients import receives, recipient


def by_email(db: Session, email: str) -> Subscriber | None:
    """Return who has a normalised address."""
    return db.scalar(select(Subscriber).where(Subscriber.email == email))


def by_fingerprint(db: Session, fingerprint: bytes, *, lock: bool = False) -> Subscriber | None:
    """Return who has the address of this fingerprint; with `lock`, locked."""
    theirs = select(Subscriber).where(Subscriber.fingerprint == fingerprint)
    return db.scalar(theirs.with_for_update() if lock else theirs)


def by_subscription(db: Session, subscription_id: UUID) -> Subscriber | None:
    """Return whose subscription it is."""
    theirs = select(Subscriber).join(Subscription, Subscription.subscriber_id == Subscriber.id)
    return db.scalar(theirs.where(Subscription.id == subscription_id))


def locked(db: Session, subscriber_id: UUID) -> Subscriber | None:
    """Return a person as they are now, locked until the transaction ends."""
    return db.get(Subscriber, subscriber_id, with_for_update=True)


def newsletter_names(db: Session, subscriber_id: UUID) -> list[str]:
    """Return the names of the newsletters that they receive."""
    now = recipient()
    joined = select(Newsletter.name).join(now, now.c.newsletter_id == Newsletter.id)
    theirs = now.c.subscriber_id == subscriber_id, receives(now)
    return list(db.scalars(joined.where(*theirs).order_by(Newsletter.name)))


def correct(subscriber: Subscriber, *, name: str | None, locale: str) -> bool:
    """Set the name and the language; return False if nothing changed."""
    if (subscriber.name, subscriber.locale) == (name, locale):
        return False
    subscriber.name, subscriber.locale = name, locale
    return True


def pause(db: Session, subscriber: Subscriber, until: datetime | None) -> None:
    """Send no issue before that day; None: from now on."""
    if until == subscriber.paused_until:
        return
    subscriber.paused_until = until
    decision = Decision.PAUSE if until else Decision.PAUSE_ENDED
    decisions.write(db, decision, subscriber.fingerprint, detail=until.isoformat() if until else None)


def pause_again(subscriber: Subscriber, until: datetime) -> bool:
    """Take over a pause that a restore had lost; return False where theirs lasts as long."""
    if subscriber.paused_until and subscriber.paused_until >= until:
        return False
    subscriber.paused_until = until
    return True


def leave_directives(subscriber: Subscriber, words: str | None) -> None:
    """Keep what is to become of their data after their death (loi Informatique et Libertés, 85)."""
    subscriber.directives = words


def note_reconfirmation(subscriber: Subscriber, *, now: datetime) -> None:
    """Remember that they were asked whether they still want what they receive."""
    subscriber.reconfirm_asked_at = now


def restrict(subscriber: Subscriber, *, at: datetime) -> bool:
    """Have their data kept, and neither used nor changed (RGPD 18); return False if they already were."""
    if subscriber.restricted_at:
        return False
    subscriber.restricted_at, subscriber.lift_at = at, None
    return True


def keep_restricted(subscriber: Subscriber) -> None:
    """Take back the day on which the restriction was to end."""
    subscriber.lift_at = None


def announce_lift(subscriber: Subscriber, at: datetime) -> None:
    """Set the day on which the restriction ends."""
    subscriber.lift_at = at


def lift(subscriber: Subscriber) -> None:
    """End the restriction."""
    subscriber.restricted_at = subscriber.lift_at = None


def move(db: Session, subscriber: Subscriber, email: str, *, channel: str, now: datetime) -> None:
    """Carry their subscriptions and consent record over to another address, whose mailbox agreed.

    Each subscription gets an event under both fingerprints, which point at each other; an active one rests
    on the new one from then on, which names the consent that goes on.
    """
    old, new = subscriber.fingerprint, fingerprint_of(email)
    mine = select(Subscription).where(Subscription.subscriber_id == subscriber.id).order_by(Subscription.id)
    theirs = db.scalars(mine.with_for_update()).all()
    for fingerprint, moved_to, moved_from in ((old, new, None), (new, None, old)):
        for subscription in theirs:
            payload = subscriptions.payload_of(subscription, subscriber, ConsentKind.RECTIFIED, now, channel)
            payload.fingerprint, payload.moved_to, payload.moved_from = fingerprint, moved_to, moved_from
            if moved_from and subscription.consent_id:
                payload.continues = db.scalar(select(given(subscription.consent_id)))
            moved = chain.append(db, payload)
            if payload.continues:
                subscription.consent_id = moved.id
    subscriber.email, subscriber.fingerprint, subscriber.address_since = email, new, now
    db.flush()


def erase_requests(db: Session, emails: set[str], *, until: datetime | None = None) -> dict[str, int]:
    """Delete what forms received from these addresses, `until` then; return how many rows, by table."""
    rows = {}
    for table in (SignupRequest, PreferencesRequest):
        theirs = delete(table).where(table.email.in_(emails))
        rows[table.__tablename__] = changed(db, theirs.where(table.at <= until) if until else theirs)
    return rows


def erase(db: Session, subscriber_ids: Sequence[UUID]) -> dict[str, int]:
    """Delete these people and their subscriptions; return how many rows, by table."""
    theirs = Subscription.subscriber_id.in_(subscriber_ids)
    return {
        Subscription.__tablename__: changed(db, delete(Subscription).where(theirs)),
        Subscriber.__tablename__: changed(db, delete(Subscriber).where(Subscriber.id.in_(subscriber_ids))),
    }
