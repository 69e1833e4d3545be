"""Rectify somebody's data (RGPD 16): name and language at once, an address once its mailbox confirms.

The consent goes on: each subscription has a RECTIFIED event under both fingerprints, which point at each
other, so that whoever was subscribed stays provably so.  The old mailbox is told, and may undo it for seven
days (address_undo.py); a second change that is asked for meanwhile begins once they are over.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from mailer.core import jobs, throttle
from mailer.core.address import mailbox
from mailer.core.after_commit import Task, wake
from mailer.core.fingerprint import fingerprint_of
from mailer.core.tokens import Purpose
from mailer.notices import outbox
from mailer.notices.models import NoticeKind
from mailer.privacy.cases import old_mailbox, self_service
from mailer.privacy.cases.old_mailbox import UNDO_WITHIN
from mailer.privacy.models import AddressChange, Outcome, Right, RightsLink, RightsRequest
from mailer.privacy.rights import moves
from mailer.subscribers import subscribers, suppressions
from mailer.subscribers.models import Subscriber

CONFIRM_WITHIN = timedelta(days=2)
DAY = timedelta(hours=24)
ASKED_A_DAY = 3  # by one person, and to one mailbox
JOB, BEGIN = "address_changes", "address changes to begin"
NEW_PATH = "/rights/new-address/"


class Change(StrEnum):
    """Name what became of a change of address."""

    DONE = "done"
    TAKEN = "taken"  # another subscriber has that address, or may come back to it: nothing was changed
    OVER = "over"  # too late, undone, or about somebody who is gone


def correct(
    db: Session, link: RightsLink, subscriber: Subscriber, *, name: str | None, locale: str, now: datetime
) -> bool:
    """Set the name and the language, of what is under way too; return False if nothing changed."""
    if not subscribers.correct(subscriber, name=name, locale=locale):
        return False
    link.locale = locale
    db.execute(update(RightsLink).where(RightsLink.fingerprint == link.fingerprint).values(locale=locale))
    theirs = RightsRequest.fingerprint == link.fingerprint, RightsRequest.closed_at.is_(None)
    db.execute(update(RightsRequest).where(*theirs).values(locale=locale))
    self_service.answered(db, link, Right.RECTIFICATION, now=now)
    return True


def ask(
    db: Session, link: RightsLink, subscriber: Subscriber, new_email: str, *, now: datetime
) -> datetime | None:
    """Ask the new mailbox to confirm; return when, if an earlier change of theirs may be undone until then.

    The rows and the page are the same, whoever's the new address is.  A suppressed mailbox is not written to,
    nor one that was asked too often.  The worker of the notices is woken all the same: the time of the answer
    must not tell.
    """
    if new_email == subscriber.email:
        return None
    wake(db, Task.NOTICES)
    return ask_within(
        db, self_service.begin(db, link, Right.RECTIFICATION, now=now), subscriber, new_email, now=now
    )


def ask_within(
    db: Session, case: RightsRequest, subscriber: Subscriber, new_email: str, *, now: datetime
) -> datetime | None:
    """Ask the new mailbox to confirm, for a case that is open; it closes when it has, or has not in time.

    Return when it is asked, if an earlier change may be undone until then.
    """
    later = old_mailbox.undoable_until(db, subscriber.fingerprint, now=now)
    change = AddressChange(
        subscriber_id=subscriber.id, request_id=case.id, old_email=subscriber.email, new_email=new_email,
        asked_at=now, waits_until=later, expires_at=(later or now) + CONFIRM_WITHIN,
    )  # fmt: skip
    db.add(change)
    db.flush()
    room = throttle.take(db, throttle.limit(ASKED_A_DAY, DAY, "new address of", str(subscriber.id)), now=now)
    if not room:
        change.waits_until = None  # it is never asked, and ends by itself
    elif later is None:
        _ask_mailbox(db, change, subscriber, now)
    return later


def begin_due(db: Session, *, now: datetime) -> int:
    """Ask the new mailboxes of the changes that have waited for an earlier one; return how many."""
    due = AddressChange.waits_until <= now, jobs.to_try(BEGIN, AddressChange.id)
    found = db.scalars(select(AddressChange).where(*due).with_for_update(skip_locked=True)).all()
    for change in found:
        with jobs.row(BEGIN, change.id, db):
            subscriber = db.get_one(Subscriber, change.subscriber_id)
            change.waits_until, change.expires_at = None, now + CONFIRM_WITHIN
            if _may_begin(change, subscriber):
                _ask_mailbox(db, change, subscriber, now)
    return len(found)


def _may_begin(change: AddressChange, subscriber: Subscriber) -> bool:
    return subscriber.email == change.old_email and subscriber.restricted_at is None


def _ask_mailbox(db: Session, change: AddressChange, subscriber: Subscriber, now: datetime) -> None:
    """Write to the new mailbox, unless it is suppressed or was asked too often."""
    if _has_room(db, change, now) and suppressions.find(db, fingerprint_of(change.new_email)) is None:
        facts = {"link": NEW_PATH, "purpose": Purpose.NEW_ADDRESS, "of": change.id.hex}
        outbox.post(
            db, NoticeKind.NEW_ADDRESS, email=change.new_email, locale=subscriber.locale, facts=facts,
            about=subscriber.id, now=now,
        )  # fmt: skip


def _has_room(db: Session, change: AddressChange, now: datetime) -> bool:
    """Return whether this mailbox was not asked too often.

    A person's first request of a day to a mailbox leaves however often others asked it: whoever keeps asking
    a mailbox keeps nobody else from moving to it.
    """
    where = mailbox(change.new_email)
    first = throttle.limit(1, DAY, "new address of to", str(change.subscriber_id), where)
    room = throttle.take(db, throttle.limit(ASKED_A_DAY, DAY, "new address to", where), now=now)
    return throttle.take(db, first, now=now) or room


def confirm(db: Session, change_id: UUID, *, now: datetime) -> Change:
    """Change the address, since the new mailbox confirms."""
    change, subscriber = locked(db, change_id)
    if change is None or subscriber is None or change.undone_at:
        return Change.OVER
    if change.confirmed_at:
        return Change.DONE if subscriber.email == change.new_email else Change.OVER
    if now >= change.expires_at or change.waits_until or not _may_begin(change, subscriber):
        return Change.OVER
    if old_mailbox.undoable_until(db, subscriber.fingerprint, now=now):
        return Change.OVER
    if _taken(db, change.new_email, now):
        return Change.TAKEN
    moves.move(db, subscriber, change.new_email, now=now)
    change.confirmed_at, change.expires_at = now, now + UNDO_WITHIN
    moves.close(db, change, Outcome.GRANTED, now=now)
    old_mailbox.tell(db, change, NoticeKind.ADDRESS_CHANGED, now=now)
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
                moves.close(db, change, Outcome.WITHDRAWN, now=now, says="unconfirmed")
            db.delete(change)
    return len(found)


def locked(db: Session, change_id: UUID) -> tuple[AddressChange | None, Subscriber | None]:
    """Return a change and whose it is, both locked, the person first: others of their changes may follow."""
    whose = db.scalar(select(AddressChange.subscriber_id).where(AddressChange.id == change_id))
    subscriber = db.get(Subscriber, whose, with_for_update=True) if whose else None
    change = db.get(AddressChange, change_id, with_for_update=True)
    return change, subscriber if change else None


def _taken(db: Session, email: str, now: datetime) -> bool:
    """Return whether somebody has this address, or may still come back to it by undoing a change."""
    has = db.scalar(select(exists().where(Subscriber.email == email)))
    return bool(has) or old_mailbox.awaited(db, email, now=now)
