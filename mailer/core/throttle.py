"""How often something may be done: counters under keyed names, forgotten when their window has passed.

A name is an HMAC: the table says neither who nor from where, and no more than 24 hours of it are kept.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    case,
    delete,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from mailer.core.db import Base
from mailer.core.settings import settings


class Throttle(Base):
    """How often something was done lately, under a keyed name."""

    __tablename__ = "throttle"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    used: Mapped[int]
    until: Mapped[datetime] = mapped_column(index=True)  # when the count begins anew


@dataclass(frozen=True)
class Limit:
    """At most `times` in a window, which begins with the first of them."""

    key: bytes
    times: int
    window: timedelta


def limit(times: int, window: timedelta, *name: str) -> Limit:
    """Return a limit on what the name says, whatever it says: only its HMAC is kept."""
    key = settings().fingerprint_key.get_secret_value().encode()
    return Limit(
        hmac.digest(key, "\0".join(("mailer.throttle", *name)).encode(), hashlib.sha256), times, window
    )


def take(db: Session, of: Limit, *, now: datetime) -> bool:
    """Count one more, if there is room; whether there was."""
    over = Throttle.until <= now
    counted = (
        insert(Throttle)
        .values(key=of.key, used=1, until=now + of.window)
        .on_conflict_do_update(
            index_elements=[Throttle.key],
            set_={
                "used": case((over, 1), else_=Throttle.used + 1),
                "until": case((over, now + of.window), else_=Throttle.until),
            },
            where=or_(over, Throttle.used < of.times),
        )
        .returning(Throttle.used)
    )
    return db.scalar(counted) is not None


def full_until(db: Session, of: Limit, *, now: datetime) -> datetime | None:
    """Return when there will be room again; None when there is some."""
    full = Throttle.key == of.key, Throttle.used >= of.times, Throttle.until > now
    return db.scalar(select(Throttle.until).where(*full))


def forget(db: Session, *, now: datetime) -> None:
    """Drop the counters whose window has passed."""
    db.execute(delete(Throttle).where(Throttle.until <= now))
