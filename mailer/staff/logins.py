"""Log somebody in with a password: two short transactions, and between them the hashing, in none."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from mailer.core.throttle import Bucket
from mailer.staff import accounts, login_limits, passwords, sessions
from mailer.staff.accounts import Candidate
from mailer.staff.sessions import LoggedIn


@dataclass(frozen=True)
class Attempt:
    """Hold whom an address may log in as, and the places the attempt took; or how long to `wait`."""

    candidate: Candidate
    places: list[Bucket]
    wait: timedelta | None


def begin(db: Session, email: str, *, network: str, device: str, now: datetime) -> Attempt:
    """Begin an attempt; it is to be verified only if nothing says to wait."""
    candidate = accounts.candidate(db, email)
    wanted = login_limits.buckets(email, candidate, network=network, device=device)
    return Attempt(candidate, wanted, login_limits.take(db, wanted, now=now))


def verify(candidate: Candidate, password: str) -> str | None:
    """Return the hash to keep of the right password, None of a wrong one.  Raises passwords.Busy.

    An unknown address costs the same work as a wrong password.
    """
    known = candidate.password_hash
    if not passwords.matches(known, password) or known is None:
        return None
    return passwords.hashed(password) if passwords.is_outdated(known) else known


def abandon(db: Session, attempt: Attempt) -> None:
    """End an attempt that verified nothing: it counts for nothing."""
    login_limits.give_back(db, attempt.places)


def finish(db: Session, attempt: Attempt, kept: str, *, browser: str, now: datetime) -> LoggedIn | None:
    """Open a session; return None if the account has changed since the attempt began."""
    login_limits.give_back(db, attempt.places)  # the right password is no guess
    found = attempt.candidate
    if found.staff_id is None:
        return None
    if kept != found.password_hash:
        accounts.rehash(db, found, kept)
    return sessions.start(db, found.staff_id, epoch=found.epoch, browser=browser, now=now)
