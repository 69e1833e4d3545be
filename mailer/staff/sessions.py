"""Keep who is logged in, on the server's side: what a browser holds opens nothing once its row is gone.

A session ends with its logout, its account's next password, the account's end, ten hours after the login and
two hours after the last page.  Whatever proves who somebody is (a password, later a second step or single
sign-on) ends in `start`.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from mailer.core.db import changed
from mailer.staff.models import Staff, StaffSession

LONGEST = timedelta(hours=10)  # from the login: a working day
IDLE = timedelta(hours=2)
PRECISION = timedelta(minutes=1)  # of `seen_at`: not every page writes
BROWSER = 60  # characters


@dataclass(frozen=True)
class LoggedIn:
    """Hold whose session a secret opens; the browser alone keeps the secret."""

    session_id: UUID
    staff_id: UUID
    name: str
    email: str
    secret: str = field(repr=False)


def start(db: Session, staff_id: UUID, *, epoch: int, browser: str, now: datetime) -> LoggedIn | None:
    """Open a session.

    None if the account was disabled, or its password changed, since it had this epoch.
    """
    current = Staff.id == staff_id, Staff.epoch == epoch, Staff.disabled_at.is_(None)
    staff = db.scalar(select(Staff).where(*current).with_for_update(read=True))
    if staff is None:
        return None
    secret = secrets.token_urlsafe(32)
    session = StaffSession(
        digest=_digest(secret), staff_id=staff_id, epoch=epoch, browser=browser[:BROWSER],
        opened_at=now, seen_at=now,
    )  # fmt: skip
    db.add(session)
    db.flush()
    return LoggedIn(session.id, staff.id, staff.name, staff.email, secret)


def resume(db: Session, secret: str, *, now: datetime, is_act: bool = True) -> LoggedIn | None:
    """Return whose live session this is, and note that they were seen, if it is their act that asks."""
    mine = select(StaffSession, Staff).join(Staff, Staff.id == StaffSession.staff_id)
    found = db.execute(mine.where(StaffSession.digest == _digest(secret), *_live(now))).one_or_none()
    if found is None:
        return None
    session, staff = found
    if is_act:
        _note_seen(db, session, now)
    return LoggedIn(session.id, staff.id, staff.name, staff.email, secret)


def _note_seen(db: Session, session: StaffSession, now: datetime) -> None:
    if session.seen_at <= now - PRECISION:
        db.execute(update(StaffSession).where(StaffSession.id == session.id).values(seen_at=now))


def listing(db: Session, staff_id: UUID, *, now: datetime) -> list[StaffSession]:
    """Return the live sessions of an account, the one seen last first."""
    theirs = select(StaffSession).join(Staff, Staff.id == StaffSession.staff_id)
    theirs = theirs.where(StaffSession.staff_id == staff_id, *_live(now))
    return list(db.scalars(theirs.order_by(StaffSession.seen_at.desc(), StaffSession.id)))


def end(db: Session, staff_id: UUID, session_id: UUID) -> bool:
    """End one session of an account; return whether there was one."""
    one = StaffSession.id == session_id, StaffSession.staff_id == staff_id
    return bool(changed(db, delete(StaffSession).where(*one)))


def end_all(db: Session, staff_id: UUID, *, but: UUID | None = None) -> int:
    """End the sessions of an account, but for one; return how many."""
    theirs = delete(StaffSession).where(StaffSession.staff_id == staff_id)
    return changed(db, theirs.where(StaffSession.id != but) if but else theirs)


def end_everybodys(db: Session) -> None:
    """End every session: of a database that was restored, some had ended since."""
    db.execute(delete(StaffSession))


def over(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a session's time has passed."""
    return ((StaffSession.opened_at <= now - LONGEST) | (StaffSession.seen_at <= now - IDLE),)


def _live(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        StaffSession.opened_at > now - LONGEST,
        StaffSession.seen_at > now - IDLE,
        StaffSession.epoch == Staff.epoch,
        Staff.disabled_at.is_(None),
    )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
