"""Undo a change of address, since the old mailbox asks for it within seven days.

It brings the person back whatever has happened since: further changes, sign-ups under the old address, an
erasure asked from the new one.  Whoever took the address over keeps neither a link nor a pending change.
Every no said meanwhile stands.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.notices import outbox
from mailer.notices.models import NoticeKind
from mailer.privacy.cases import access_links, old_mailbox, register
from mailer.privacy.cases.register import SERVICE
from mailer.privacy.models import AddressChange, Channel, Outcome, Right
from mailer.privacy.rights import erasure_wait, moves
from mailer.privacy.rights.rectification import Change, locked
from mailer.subscribers.models import Subscriber


def undo(db: Session, change_id: UUID, *, now: datetime) -> Change:
    """Change the address back, since the old mailbox undoes it."""
    change, subscriber = locked(db, change_id)
    if change is None or subscriber is None or change.confirmed_at is None or now >= change.expires_at:
        return Change.OVER
    if change.undone_at:
        return Change.DONE if subscriber.email == change.old_email else Change.OVER
    _undo(db, change, subscriber, now)
    return Change.DONE


def undo_all(db: Session, email: str, *, now: datetime) -> set[str]:
    """Bring back to this mailbox whoever it may still bring back; return the addresses they are taken from.

    So an erasure that the old mailbox asks for is of the whole person, wherever they were taken.
    """
    left = set()
    for change in old_mailbox.from_here(db, email, now=now):
        before = db.scalar(select(Subscriber.email).where(Subscriber.id == change.subscriber_id))
        if undo(db, change.id, now=now) is Change.DONE and before and before != email:
            left.add(before)
    return left


def _undo(db: Session, change: AddressChange, subscriber: Subscriber, now: datetime) -> None:
    left = subscriber.email
    _end_access(db, subscriber)
    erasure_wait.withdraw(db, subscriber, now=now)
    moves.give_up_changes(db, subscriber, now=now, after=change)
    if left != change.old_email:
        moves.bring_back(db, subscriber, change.old_email, now=now)
        tell_undone(db, left, subscriber.locale, about=subscriber.id, now=now)
    change.undone_at = now
    _record(db, change, subscriber, now)


def tell_undone(db: Session, email: str, locale: str, *, about: UUID | None = None, now: datetime) -> None:
    """Tell the mailbox that somebody was taken back from."""
    outbox.post(
        db, NoticeKind.ADDRESS_UNDONE, email=email, locale=locale, facts={"link": "/rights"}, about=about,
        now=now,
    )  # fmt: skip


def _end_access(db: Session, subscriber: Subscriber) -> None:
    """End every rights link and session at any address that has been theirs since."""
    rows = select(AddressChange.old_email, AddressChange.new_email)
    pairs = db.execute(rows.where(AddressChange.subscriber_id == subscriber.id))
    access_links.revoke_all(db, {subscriber.email, *(email for pair in pairs for email in pair)})


def _record(db: Session, change: AddressChange, subscriber: Subscriber, now: datetime) -> None:
    case = register.open(
        db, right=Right.RECTIFICATION, channel=Channel.LINK, email=change.old_email,
        locale=subscriber.locale, receipt=False, now=now, undone=True,
    )  # fmt: skip
    case.acknowledged_at = now
    register.close(db, case, Outcome.GRANTED, by=SERVICE, now=now)
