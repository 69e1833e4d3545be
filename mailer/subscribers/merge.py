"""Make one person of two records, when whoever had left an address comes back to it.

Of each newsletter the last word counts, whichever record it was said in; a restriction of either stays, and
the longer pause.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from mailer.core.fingerprint import fingerprint_of
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.subscribers import eligibility, subscriptions
from mailer.subscribers.consent import consent_file
from mailer.subscribers.consent.models import ConsentEvent, ConsentKind, ConsentPayload
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState


@dataclass(frozen=True)
class MergedSubscription:
    """Hold what is read of a subscription before its record goes."""

    newsletter_id: UUID
    consent_id: UUID | None
    informed_at: datetime | None
    changed_at: datetime


def absorb(db: Session, kept: Subscriber, gone: Subscriber) -> list[MergedSubscription]:
    """Delete a record, whose wishes the other takes over; return its subscriptions, for `settle`.

    What other rooms keep of it is handed over before.
    """
    mine = select(Subscription).where(Subscription.subscriber_id == gone.id).order_by(Subscription.id)
    fresh = mine.with_for_update().execution_options(populate_existing=True)
    found = [
        MergedSubscription(each.newsletter_id, each.consent_id, each.informed_at, each.changed_at)
        for each in db.scalars(fresh)
    ]
    if kept.restricted_at or gone.restricted_at:
        kept.restricted_at, kept.lift_at = _earliest(kept.restricted_at, gone.restricted_at), None
    pauses = [until for until in (kept.paused_until, gone.paused_until) if until]
    kept.paused_until = max(pauses, default=None)
    kept.directives = gone.directives or kept.directives
    db.execute(delete(Subscription).where(Subscription.subscriber_id == gone.id))
    db.execute(delete(Subscriber).where(Subscriber.id == gone.id))
    db.expunge(gone)
    return found


def settle(db: Session, kept: Subscriber, absorbed: Iterable[MergedSubscription], *, now: datetime) -> None:
    """Give a person, once they have the address, the subscriptions of the record that was deleted."""
    events = consent_file.events(db, kept.fingerprint)
    for each in absorbed:
        subscription = subscriptions.subscription_for(db, kept, each.newsletter_id, now)
        theirs = [row for row in events if row.newsletter_id == each.newsletter_id]
        state, decisive = eligibility.last_word(theirs)
        given = decisive.event_id if decisive and state is SubscriptionState.ACTIVE else None
        rests_on = _proof(db, kept, each.newsletter_id, given) if given else None
        if given is not None and given == each.consent_id:
            subscription.informed_at = each.informed_at
        subscription.state, subscription.consent_id = state or SubscriptionState.ENDED, rests_on
        if state is SubscriptionState.PENDING:
            subscription.changed_at = each.changed_at
    db.flush()


def log_limits(db: Session, kept: Subscriber) -> None:
    """Write to the privacy log, once a person has the address, what keeps letters from them there.

    A backup may know that address as a record of its own, whose restriction and pause are not these.
    """
    if kept.restricted_at:
        decisions.write(db, Decision.RESTRICTION, kept.fingerprint)
    if kept.paused_until:
        decisions.write(db, Decision.PAUSE, kept.fingerprint, detail=kept.paused_until.isoformat())


def _proof(db: Session, kept: Subscriber, newsletter_id: UUID, given: UUID) -> UUID:
    """Return the last change of address by which a consent goes on here; itself where it was given here."""
    moves = (
        select(ConsentPayload.event_id)
        .join(ConsentEvent, ConsentEvent.id == ConsentPayload.event_id)
        .where(ConsentPayload.fingerprint == kept.fingerprint, ConsentPayload.continues == given)
        .where(ConsentPayload.newsletter_id == newsletter_id)
    )
    return db.scalar(moves.order_by(ConsentEvent.seq.desc()).limit(1)) or given


def agreed_since(db: Session, email: str, since: datetime) -> bool:
    """Return whether this mailbox gave a fresh consent after that time: it lifts what was said before."""
    theirs = ConsentPayload.fingerprint == fingerprint_of(email)
    yes = ConsentPayload.kind == ConsentKind.CONFIRMED
    last = db.scalar(select(func.max(ConsentPayload.at)).where(theirs, yes))
    return last is not None and last > since


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at), default=None)
