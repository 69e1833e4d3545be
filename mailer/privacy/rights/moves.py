"""Move a person to another address: everything of theirs follows, and links to the older one end."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mailer.core import i18n
from mailer.core.fingerprint import fingerprint_of
from mailer.delivery import merge as ledger
from mailer.notices import owner
from mailer.privacy.cases import access_links, register
from mailer.privacy.cases.register import SERVICE
from mailer.privacy.models import AddressChange, Outcome, RightsRequest
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.subscribers import merge, subscribers, suppressions
from mailer.subscribers.eligibility import CHANGE_UNDONE
from mailer.subscribers.models import Subscriber, SuppressionReason
from mailer.subscribers.suppressions import SuppressedAddress

CHANNEL = "rectification"


def move(db: Session, subscriber: Subscriber, email: str, *, now: datetime, channel: str = CHANNEL) -> None:
    """Move everything of theirs to another address, which nobody has."""
    old, new = subscriber.fingerprint, fingerprint_of(email)
    owner.keep_with(db, subscriber.id, subscriber.email, since=subscriber.address_since)
    subscribers.move(db, subscriber, email, channel=channel, now=now)
    theirs = RightsRequest.fingerprint == old
    db.execute(update(RightsRequest).where(theirs, RightsRequest.email.is_not(None)).values(email=email))
    db.execute(update(RightsRequest).where(theirs).values(fingerprint=new))
    _carry_suppression(db, old, email)
    decisions.write(db, Decision.RECTIFICATION, old, detail=new.hex())
    access_links.revoke(db, old)
    db.flush()


def bring_back(db: Session, subscriber: Subscriber, email: str, *, now: datetime) -> None:
    """Move them to an address that was theirs, and make one person of them and of who signed up there since.

    Of each newsletter, the last word counts.
    """
    other = subscribers.by_fingerprint(db, fingerprint_of(email), lock=True)
    absorbed = []
    if other and other.id != subscriber.id:
        give_up_changes(db, other, now=now)
        ledger.merge(db, gone=other.id, kept=subscriber.id)
        owner.hand_over(db, gone=other.id, kept=subscriber.id)
        absorbed = merge.absorb(db, subscriber, other)
    move(db, subscriber, email, now=now, channel=CHANGE_UNDONE)
    merge.settle(db, subscriber, absorbed, now=now)


def give_up_changes(
    db: Session, subscriber: Subscriber, *, now: datetime, after: AddressChange | None = None
) -> None:
    """Drop their changes of address: those that nobody has confirmed, and those that were made since `after`.

    Without it, all of them.
    """
    theirs = select(AddressChange).where(AddressChange.subscriber_id == subscriber.id).with_for_update()
    for change in db.scalars(theirs).all():
        if change.confirmed_at is None:
            close(db, change, Outcome.WITHDRAWN, now=now)
        elif after and change.confirmed_at <= (after.confirmed_at or change.confirmed_at):
            continue
        db.delete(change)
    db.flush()


def close(db: Session, change: AddressChange, outcome: Outcome, *, now: datetime, says: str = "") -> None:
    """Close the case that asked for a change, if it is open; `says` names what its mailbox is told."""
    case = register.find(db, change.request_id)
    if case and case.closed_at is None:
        words = i18n.words("cases", case.locale)[says] if says else ""
        register.close(db, case, outcome, by=SERVICE, now=now, words=words)


def _carry_suppression(db: Session, old: bytes, email: str) -> None:
    """Carry a no over to the new address, unless its owner agreed anew after it.

    A dead mailbox is not one of theirs: that was the address's.
    """
    said = suppressions.find(db, old)
    if said is None or said.reason is SuppressionReason.HARD_BOUNCE:
        return
    if not merge.agreed_since(db, email, said.at):
        suppressions.add_or_strengthen(db, SuppressedAddress(fingerprint_of(email), said.reason, said.at))
