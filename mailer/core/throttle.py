"""Limit how often something may be done, with counters under keyed names, deleted after their window.

A name is an HMAC: the table says neither who nor from where, and no more than 24 hours of it are kept.
A *limit* refuses until its window is over; a *bucket* empties by itself, and only ever delays (the generic
cell rate algorithm, ITU-T I.371: `until` is when it would be empty).
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from mailer.core.db import Base
from mailer.core.settings import settings


class Throttle(Base):
    """Count how often something was done in the current window, under a keyed name."""

    __tablename__ = "throttle"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    used: Mapped[int]
    until: Mapped[datetime] = mapped_column(index=True)  # when the count begins anew


@dataclass(frozen=True)
class Limit:
    """Allow so many `times` in a window, which begins with the first of them."""

    key: bytes
    times: int
    window: timedelta


@dataclass(frozen=True)
class Bucket:
    """Allow so many `places` at once, then one more each time `every` has passed."""

    key: bytes
    places: int
    every: timedelta


def limit(times: int, window: timedelta, *name: str) -> Limit:
    """Return a limit on what the name says, whatever it says: only its HMAC is kept."""
    return Limit(_key(name), times, window)


def bucket(places: int, every: timedelta, *name: str) -> Bucket:
    """Return a bucket for what the name says: only its HMAC is kept."""
    return Bucket(_key(name), places, every)


def _key(name: tuple[str, ...]) -> bytes:
    key = settings().fingerprint_key.get_secret_value().encode()
    said = "\0".join(("mailer.throttle", *name)).encode(errors="surrogatepass")
    return hmac.digest(key, said, hashlib.sha256)


def take(db: Session, limit: Limit, *, now: datetime) -> bool:
    """Count one more, if the limit allows it; return whether it did."""
    over = Throttle.until <= now
    counted = (
        insert(Throttle)
        .values(key=limit.key, used=1, until=now + limit.window)
        .on_conflict_do_update(
            index_elements=[Throttle.key],
            set_={
                "used": case((over, 1), else_=Throttle.used + 1),
                "until": case((over, now + limit.window), else_=Throttle.until),
            },
            where=or_(over, Throttle.used < limit.times),
        )
        .returning(Throttle.used)
    )
    return db.scalar(counted) is not None


def full_until(db: Session, limit: Limit, *, now: datetime) -> datetime | None:
    """Return when the limit allows more again; None when it does now."""
    full = Throttle.key == limit.key, Throttle.used >= limit.times, Throttle.until > now
    return db.scalar(select(Throttle.until).where(*full))


def pour(db: Session, bucket: Bucket, *, now: datetime) -> timedelta | None:
    """Take a place in a bucket; return None, or how long until it has one again: `every` at most."""
    full = now + bucket.every * (bucket.places - 1)
    taken = (
        insert(Throttle)
        .values(key=bucket.key, used=1, until=now + bucket.every)
        .on_conflict_do_update(
            index_elements=[Throttle.key],
            set_={"used": Throttle.used + 1, "until": func.greatest(Throttle.until, now) + bucket.every},
            where=Throttle.until <= full,
        )
        .returning(Throttle.until)
    )
    if db.scalar(taken) is not None:
        return None
    free = next_place(db, bucket, now=now) or now
    return max(free - now, timedelta(seconds=1))


def next_place(db: Session, bucket: Bucket, *, now: datetime) -> datetime | None:
    """Return when a bucket has a place again; None when it has one now."""
    until = db.scalar(select(Throttle.until).where(Throttle.key == bucket.key))
    free = until - bucket.every * (bucket.places - 1) if until else now
    return free if free > now else None


def give_back(db: Session, bucket: Bucket) -> None:
    """Give a place back."""
    db.execute(update(Throttle).where(Throttle.key == bucket.key).values(until=Throttle.until - bucket.every))


def forget(db: Session, *, now: datetime) -> None:
    """Delete the counters whose window has passed."""
    db.execute(delete(Throttle).where(Throttle.until <= now))
