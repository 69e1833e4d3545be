"""Open and check staff accounts, with passwords under argon2id."""

from datetime import datetime
from functools import lru_cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.address import InvalidAddress, normalise
from mailer.core.i18n import Explained
from mailer.staff.models import Staff

MIN_PASSWORD = 12  # characters
MAX_PASSWORD = 1024  # hashing more would be work for nothing
_hasher = PasswordHasher()  # RFC 9106, low-memory profile


class AccountRefused(Explained, ValueError):
    """Tell why an account cannot be opened as it was asked for."""

    sentences = "staff", "refused"


def create(db: Session, *, email: str, name: str, password: str, now: datetime) -> Staff:
    """Open an account.  Raises AccountRefused."""
    try:
        address = normalise(email)
    except InvalidAddress:
        raise AccountRefused("no_address", email=email) from None
    if weakness := _weakness(password, address, name):
        raise AccountRefused(weakness, least=MIN_PASSWORD, most=MAX_PASSWORD)
    if _find(db, address) is not None:
        raise AccountRefused("taken", email=address)
    staff = Staff(email=address, name=name.strip(), password_hash=_hasher.hash(password), created_at=now)
    db.add(staff)
    db.flush()
    return staff


def authenticate(db: Session, email: str, password: str) -> Staff | None:
    """Return the account these open, or None.  An unknown address costs the same work as a wrong password."""
    try:
        staff = _find(db, normalise(email))
    except InvalidAddress:
        staff = None
    known = staff.password_hash if staff else _nobody()
    if not _matches(known, password[: MAX_PASSWORD + 1]) or staff is None:
        return None
    if _hasher.check_needs_rehash(staff.password_hash):
        staff.password_hash = _hasher.hash(password)
    return staff


def name(db: Session, who: str) -> str:
    """Return the name of whom the audit names: a staff id, or a word for somebody without an account."""
    try:
        staff = db.get(Staff, UUID(who))
    except ValueError:
        return who
    return staff.name if staff else who


def _weakness(password: str, address: str, name: str) -> str | None:
    if len(password) < MIN_PASSWORD:
        return "too_short"
    if len(password) > MAX_PASSWORD:
        return "too_long"
    if password.casefold().strip() in (address, name.casefold().strip()):
        return "their_name"
    return None


def _find(db: Session, address: str) -> Staff | None:
    return db.scalar(select(Staff).where(Staff.email == address))


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _nobody() -> str:
    """Return a hash to verify when the address is unknown, so that it takes the same time."""
    return _hasher.hash("nobody")
