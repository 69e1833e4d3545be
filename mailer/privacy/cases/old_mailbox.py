"""Know the mailbox that may still undo a change of address, and tell it when a right is exercised.

For seven days the old mailbox may undo a change, whatever has happened since; it learns that an act happened,
and never its content.  Afterwards it has no right over the new one.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from mailer.core import throttle
from mailer.core.address import mailbox
from mailer.core.tokens import Purpose
from mailer.notices import outbox
from mailer.notices.models import NoticeKind
from mailer.privacy.models import AddressChange
from mailer.subscribers.models import Subscriber

UNDO_WITHIN = timedelta(days=7)
PATH = "/rights/old-address/"
TOLD_A_DAY = 3  # each of these mails has the undo; more would be a way to flood it
DAY = timedelta(hours=24)


def undoable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a change was made, and may still be undone."""
    return (AddressChange.confirmed_at.is_not(None), AddressChange.undone_at.is_(None),
            AddressChange.expires_at > now)  # fmt: skip


def from_here(db: Session, email: str, *, now: datetime) -> list[AddressChange]:
    """Return the changes that this mailbox may still undo, the oldest first."""
    mine = select(AddressChange).where(AddressChange.old_email == email, *undoable(now))
    return list(db.scalars(mine.order_by(AddressChange.confirmed_at)))


def to_here(db: Session, fingerprint: bytes, *, now: datetime) -> list[AddressChange]:
    """Return the changes that brought whoever has this address here, and may still be undone."""
    whose = select(AddressChange).join(Subscriber, Subscriber.id == AddressChange.subscriber_id)
    theirs = whose.where(Subscriber.fingerprint == fingerprint, *undoable(now))
    return list(db.scalars(theirs.order_by(AddressChange.confirmed_at)))


def undoable_until(db: Session, fingerprint: bytes, *, now: datetime) -> datetime | None:
    """Return until when another mailbox may take this address back to where it was; None: none may."""
    whose = select(func.max(AddressChange.expires_at)).join(
        Subscriber, Subscriber.id == AddressChange.subscriber_id
    )
    return db.scalar(whose.where(Subscriber.fingerprint == fingerprint, *undoable(now)))


def awaited(db: Session, email: str, *, now: datetime) -> bool:
    """Return whether somebody may still come back to this address by undoing a change."""
    return db.scalar(select(exists().where(AddressChange.old_email == email, *undoable(now)))) or False


def tell_of_act(db: Session, fingerprint: bytes, *, now: datetime) -> None:
    """Have the old mailbox of whoever has this address told that a right was exercised, with its undo."""
    for change in to_here(db, fingerprint, now=now):
        limit = throttle.limit(TOLD_A_DAY, DAY, "acts told to", mailbox(change.old_email))
        if throttle.take(db, limit, now=now):
            tell(db, change, NoticeKind.ACT_ELSEWHERE, now=now)


def tell(db: Session, change: AddressChange, kind: NoticeKind, *, now: datetime) -> None:
    """Send the old mailbox a notice with the undo of its change."""
    subscriber = db.get_one(Subscriber, change.subscriber_id)
    facts = {"link": PATH, "purpose": Purpose.OLD_ADDRESS, "of": change.id.hex}
    outbox.post(
        db, kind, email=change.old_email, name=subscriber.name, locale=subscriber.locale, facts=facts,
        about=subscriber.id, now=now,
    )  # fmt: skip
