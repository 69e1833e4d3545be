"""Slow down whoever guesses passwords, and lock nobody out.

An attempt takes a place in a bucket that empties by itself: so many at once, then one each so many seconds,
and never longer to wait than that.  A browser that has logged in before has a bucket of its own, which no
stranger fills; every other shares one with whoever tries the same account, and one with its network.
(OWASP, "Slow Down Online Guessing Attacks with Device Cookies".)
"""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from mailer.core import throttle, tokens
from mailer.core.address import InvalidAddress, normalise
from mailer.core.throttle import Bucket
from mailer.core.tokens import BadToken, Purpose
from mailer.staff.accounts import Candidate

DEVICE_FOR = timedelta(days=180)  # since its last login
DEVICE = 10, timedelta(seconds=15)  # places, and how long until one is free again
ACCOUNT = 10, timedelta(seconds=60)
NETWORK = 20, timedelta(seconds=15)


def buckets(email: str, candidate: Candidate, *, network: str, device: str) -> list[Bucket]:
    """Return the buckets an attempt takes a place in; `device` is what this browser was given, or ""."""
    if known := _read(device, candidate.staff_id):
        return [throttle.bucket(*DEVICE, "login from", known)]
    return [
        throttle.bucket(*NETWORK, "logins of network", network),
        throttle.bucket(*ACCOUNT, "logins of", _account(email)),
    ]


def own_password(staff_id: UUID) -> list[Bucket]:
    """Return the bucket of whoever types their password once more: a stolen session guesses no faster."""
    return [throttle.bucket(*DEVICE, "password of", staff_id.hex)]


def take(db: Session, wanted: list[Bucket], *, now: datetime) -> timedelta | None:
    """Take a place in each; return None, or how long until the first that is full has one again."""
    for number, bucket in enumerate(wanted):
        if wait := throttle.pour(db, bucket, now=now):
            give_back(db, wanted[:number])
            return wait
    return None


def give_back(db: Session, taken: list[Bucket]) -> None:
    """Give the places back that an attempt took: it was nobody's guess."""
    for bucket in taken:
        throttle.give_back(db, bucket)


def device(staff_id: UUID) -> str:
    """Return what a browser that has logged in keeps."""
    return tokens.issue(Purpose.DEVICE, [staff_id.hex, secrets.token_hex(8)])


def _read(device: str, staff_id: UUID | None) -> str | None:
    """Return which browser of this account's it is, or None."""
    try:
        whose, which = tokens.read(Purpose.DEVICE, device, max_age=DEVICE_FOR)
    except BadToken:
        return None
    return str(which) if staff_id and whose == staff_id.hex else None


def _account(email: str) -> str:
    try:
        return normalise(email)
    except InvalidAddress:
        return ""
