"""Rectify somebody's data (RGPD 16): name and language at once, an address once its mailbox confirms.

The consent goes on: each subscription has a RECTIFIED event under both fingerprints, which point at each
other, so that whoever was subscribed stays provably so.  The old mailbox is told, and may undo it.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from mailer.core import i18n, jobs, throttle
from mailer.core.address import mailbox
from mailer.core.after_commit import Task, wake
from mailer.core.fingerprint import fingerprint_of
from mailer.core.tokens import Purpose
from mailer.notices import outbox
from mailer.notices.models import NoticeKind
from mailer.privacy.cases import access_links, register, self_service
from mailer.privacy.cases.register import SERVICE
from mailer.privacy.models import AddressChange, Channel, Outcome, Right, RightsLink, RightsRequest
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.subscribers import subscribers, suppressions
from mailer.subscribers.models import Subscriber, Suppression, SuppressionReason
from mailer.subscribers.suppressions import SuppressedAddress

CONFIRM_WITHIN = timedelta(days=2)
UNDO_WITHIN = timedelta(days=7)
DAY = timedelta(hours=24)
ASKED_A_DAY = 3  # by one person, and to one mailbox
CHANNEL = "rectification"
JOB = "address_changes"
NEW_PATH, OLD_PATH = "/rights/new-address/", "/rights/old-address/"


class Change(StrEnum):
    """Name what became of a change of address."""

    DONE = "done"
    TAKEN = "taken"  # another subscriber has that address: nothing was changed
    OVER = "over"  # too late, undone, or about somebody who is gone


def correct(
    db: Session, link: RightsLink, subscriber: Subscriber, *, name: str | None, locale: str, now: datetime
) -> bool:
    """Set the name and the language; return False if nothing changed."""
    if not subscribers.correct(subscriber, name=name, locale=locale):
        return False
    self_service.answered(db, link, Right.RECTIFICATION, now=now)
    return True


def ask(db: Session, link: RightsLink, subscriber: Subscriber, new_email: str, *, now: datetime) -> None:
    """Ask the new mailbox to confirm.  The rows and the page are the same, whoever's it is.

    A suppressed mailbox is not written to, nor one that was asked too often.  The worker of the notices is
    woken all the same: the time of the answer must not tell.
    """
    if new_email == subscriber.email:
        return
    wake(db, Task.NOTICES)
    ask_within(db, self_service.begin(db, link, Right.RECTIFICATION, now=now), subscriber, new_email, now=now)


def ask_within(
    db: Session, case: RightsRequest, subscriber: Subscriber, new_email: str, *, now: datetime
) -> None:
    """Ask the new mailbox to confirm, for a case that is open; it closes when it has, or has not in time."""
    change = AddressChange(
        subscriber_id=subscriber.id, request_id=case.id, old_email=subscriber.email, new_email=new_email,
        asked_at=now, expires_at=now + CONFIRM_WITHIN,
    )  # fmt: skip
    db.add(change)
    db.flush()
    limits = (
        throttle.limit(ASKED_A_DAY, DAY, "new address of", str(subscriber.id)),
        throttle.limit(ASKED_A_DAY, DAY, "new address to", mailbox(new_email)),
    )
    room = all(throttle.take(db, limit, now=now) for limit in limits)
    if room and db.get(Suppression, fingerprint_of(new_email)) is None:
        facts = {"link": NEW_PATH, "purpose": Purpose.NEW_ADDRESS, "of": change.id.hex}
        outbox.post(
            db, NoticeKind.NEW_ADDRESS, email=new_email, locale=subscriber.locale, facts=facts, now=now
        )


def confirm(db: Session, change_id: UUID, *, now: datetime) -> Change:
    """Change the address, since the new mailbox confirms."""
    change, subscriber = _locked(db, change_id)
    if change is None or subscriber is None or change.undone_at:
        return Change.OVER
    if change.confirmed_at:
        return Change.DONE if subscriber.email == change.new_email else Change.OVER
    if now >= change.expires_at or subscriber.email != change.old_email or subscriber.restricted_at:
        return Change.OVER
    if _taken(db, change.new_email):
        return Change.TAKEN
    _move(db, subscriber, change.new_email, now)
    change.confirmed_at, change.expires_at = now, now + UNDO_WITHIN
    _close(db, change.request_id, Outcome.GRANTED, now)
    facts = {"link": OLD_PATH, "purpose": Purpose.OLD_ADDRESS, "of": change.id.hex}
    outbox.post(
        db, NoticeKind.ADDRESS_CHANGED, email=change.old_email, name=subscriber.name,
        locale=subscriber.locale, facts=facts, now=now,
    )  # fmt: skip
    return Change.DONE


def undo(db: Session, change_id: UUID, *, now: datetime) -> Change:
    """Change the address back, since the old mailbox undoes it."""
    change, subscriber = _locked(db, change_id)
    if change is None or subscriber is None or change.confirmed_at is None or now >= change.expires_at:
        return Change.OVER
    if change.undone_at:
        return Change.DONE if subscriber.email == change.old_email else Change.OVER
    if subscriber.email != change.new_email or _taken(db, change.old_email):
        return Change.OVER
    _move(db, subscriber, change.old_email, now)
    change.undone_at = now
    case = register.open(
        db, right=Right.RECTIFICATION, channel=Channel.LINK, email=change.old_email,
        locale=subscriber.locale, receipt=False, now=now, undone=True,
    )  # fmt: skip
    case.acknowledged_at = now
    register.close(db, case, Outcome.GRANTED, by=SERVICE, now=now)
    return Change.DONE


def open_for(db: Session, change_id: UUID, *, now: datetime) -> AddressChange | None:
    """Return a change that may still be confirmed, or undone."""
    change = db.get(AddressChange, change_id)
    return change if change and now < change.expires_at else None


def forget(db: Session, *, now: datetime) -> int:
    """Delete the changes that can neither be confirmed nor undone any more; return how many."""
    over = AddressChange.expires_at <= now, jobs.to_try(JOB, AddressChange.id)
    found = db.scalars(select(AddressChange).where(*over).with_for_update(skip_locked=True)).all()
    for change in found:
        with jobs.row(JOB, change.id, db):
            if change.confirmed_at is None:
                _close(db, change.request_id, Outcome.WITHDRAWN, now, "unconfirmed")
            db.delete(change)
    return len(found)


def _move(db: Session, subscriber: Subscriber, email: str, now: datetime) -> None:
    """Move everything of theirs to another address; links and sessions of the older one end."""
    old, new = subscriber.fingerprint, fingerprint_of(email)
    subscribers.move(db, subscriber, email, channel=CHANNEL, now=now)
    theirs = RightsRequest.fingerprint == old
    db.execute(update(RightsRequest).where(theirs, RightsRequest.email.is_not(None)).values(email=email))
    db.execute(update(RightsRequest).where(theirs).values(fingerprint=new))
    suppression = db.get(Suppression, old)
    if (
        suppression and suppression.reason is not SuppressionReason.HARD_BOUNCE
    ):  # that was the mailbox's, not theirs
        suppressions.add(db, [SuppressedAddress(new, suppression.reason, suppression.at)])
    decisions.write(db, Decision.RECTIFICATION, old, detail=new.hex())
    access_links.revoke(db, old)
    db.flush()


def _locked(db: Session, change_id: UUID) -> tuple[AddressChange | None, Subscriber | None]:
    change = db.get(AddressChange, change_id, with_for_update=True)
    return change, db.get(Subscriber, change.subscriber_id, with_for_update=True) if change else None


def _taken(db: Session, email: str) -> bool:
    return db.scalar(select(exists().where(Subscriber.email == email))) or False


def _close(db: Session, request_id: UUID, outcome: Outcome, now: datetime, says: str = "") -> None:
    """Close its case; `says` names the sentence that the mailbox is told."""
    case = register.find(db, request_id)
    if case and case.closed_at is None:
        words = i18n.words("cases", case.locale)[says] if says else ""
        register.close(db, case, outcome, by=SERVICE, now=now, words=words)
