"""Open staff accounts, change their passwords, disable and enable them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mailer.core.address import InvalidAddress, normalise
from mailer.core.db import changed
from mailer.core.i18n import Explained
from mailer.privacylog import decisions
from mailer.privacylog.decisions import NOBODY, Decision
from mailer.staff import passwords, sessions
from mailer.staff.models import Staff


class AccountRefused(Explained, ValueError):
    """Tell why an account or a password cannot be what was asked for."""

    sentences = "staff", "refused"


@dataclass(frozen=True)
class Candidate:
    """Hold whom an address may log in as; nobody (`staff_id` None) where it opens nothing."""

    staff_id: UUID | None = None
    password_hash: str | None = None
    epoch: int = 0


def create(db: Session, *, email: str, name: str, password: str, now: datetime) -> Staff:
    """Open an account.  Raises AccountRefused."""
    try:
        address = normalise(email)
    except InvalidAddress:
        raise AccountRefused("no_address", email=email) from None
    if not name.strip().isprintable():
        raise AccountRefused("bad_name")
    check(password, address, name)
    if find(db, address) is not None:
        raise AccountRefused("taken", email=address)
    staff = Staff(
        email=address, name=name.strip(), password_hash=passwords.hashed(password), epoch=0, created_at=now
    )
    db.add(staff)
    db.flush()
    return staff


def check(password: str, email: str, name: str) -> None:
    """Refuse a password that is easily guessed.  Raises AccountRefused."""
    if weakness := passwords.weakness(password, email, name):
        raise AccountRefused(weakness, least=passwords.MIN_PASSWORD, most=passwords.MAX_PASSWORD)


def candidate(db: Session, email: str) -> Candidate:
    """Return whom an address may log in as: nobody if it is unknown or its account is disabled."""
    staff = find(db, email)
    if staff is None or staff.disabled_at is not None:
        return Candidate()
    return Candidate(staff.id, staff.password_hash, staff.epoch)


def oneself(db: Session, staff_id: UUID) -> Candidate:
    """Return whoever is logged in, to verify their password once more."""
    staff = db.get_one(Staff, staff_id)
    return Candidate(staff.id, staff.password_hash, staff.epoch)


def find(db: Session, email: str) -> Staff | None:
    """Return the account of an address, disabled or not."""
    try:
        return db.scalar(select(Staff).where(Staff.email == normalise(email)))
    except InvalidAddress:
        return None


def listing(db: Session) -> list[Staff]:
    """Return every account, by address."""
    return list(db.scalars(select(Staff).order_by(Staff.email)))


def set_password(db: Session, staff_id: UUID, password_hash: str, *, epoch: int) -> bool:
    """Change a password, and end every session of the account.

    False, and nothing is changed, if it was changed or disabled since the account had this epoch.
    """
    same = update(Staff).where(Staff.id == staff_id, Staff.epoch == epoch)
    if not changed(db, same.values(password_hash=password_hash, epoch=Staff.epoch + 1)):
        return False
    sessions.end_all(db, staff_id)
    decisions.write(db, Decision.STAFF_PASSWORD, NOBODY, subject=staff_id)
    return True


def rehash(db: Session, candidate: Candidate, password_hash: str) -> None:
    """Keep a new hash of the same password, unless it was changed meanwhile."""
    same = Staff.id == candidate.staff_id, Staff.password_hash == candidate.password_hash
    db.execute(update(Staff).where(*same).values(password_hash=password_hash))


def disable(db: Session, staff_id: UUID, *, now: datetime) -> bool:
    """Let an account open nothing any more, and end its sessions; return whether it was enabled."""
    enabled = update(Staff).where(Staff.id == staff_id, Staff.disabled_at.is_(None))
    done = changed(db, enabled.values(disabled_at=now, epoch=Staff.epoch + 1))
    sessions.end_all(db, staff_id)
    if done:
        decisions.write(db, Decision.STAFF_DISABLED, NOBODY, subject=staff_id)
    return bool(done)


def enable(db: Session, staff_id: UUID) -> bool:
    """Let a disabled account log in again, with its password; return whether it was disabled."""
    disabled = update(Staff).where(Staff.id == staff_id, Staff.disabled_at.is_not(None))
    done = changed(db, disabled.values(disabled_at=None))
    if done:
        decisions.write(db, Decision.STAFF_ENABLED, NOBODY, subject=staff_id)
    return bool(done)


def forget_password(db: Session, staff_id: UUID) -> bool:
    """Have no password open an account until it is given another; return whether one did.

    A restore brought back one that had been changed since.
    """
    theirs = update(Staff).where(Staff.id == staff_id, Staff.password_hash != "")
    done = changed(db, theirs.values(password_hash="", epoch=Staff.epoch + 1))
    sessions.end_all(db, staff_id)
    return bool(done)


def name(db: Session, who: str) -> str:
    """Return the name of whom the audit names: a staff id, or a word for somebody without an account."""
    try:
        staff = db.get(Staff, UUID(who))
    except ValueError:
        return who
    return staff.name if staff else who
