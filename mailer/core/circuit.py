"""Stay away for a while from what failed (circuit breaker).  The database holds it: all senders share it.

A hold is named "relay", "journal", "dkim", "inbox" (which only the intake of mail stays away from), "erasure"
(which only raises an alarm), or after a provider.  It is hit when something fails, at most once a period
however many workers see it, and cleared by the first success after it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from mailer.core import hold_reasons
from mailer.core.db import Base, changed
from mailer.core.logging import scrub


class Hold(Base):
    """Say what is not tried for a while, until when and why: the relay, a provider, the journal …"""

    __tablename__ = "circuit"

    name: Mapped[str] = mapped_column(primary_key=True)  # "relay", "journal", "dkim", or a provider
    failures: Mapped[int]
    since: Mapped[datetime]
    until: Mapped[datetime]
    reason: Mapped[str]  # scrubbed; as hold_reasons.py reads it, or somebody else's words


RELAY, JOURNAL, DKIM, INBOX, ERASURE = "relay", "journal", "dkim", "inbox", "erasure"
_OURS = timedelta(seconds=5), timedelta(seconds=60)  # first and longest period
_PROVIDER = timedelta(seconds=60), timedelta(hours=1)
LONGEST = _PROVIDER[1] + timedelta(minutes=1)


UNTRIED = timedelta(minutes=10)  # a hold that is over for so long waits for no message
PROBED_FOR = timedelta(seconds=120)  # whoever probes does so alone for that long, then is taken for dead


def period(name: str, failures: int) -> timedelta:
    """Return how long to stay away after so many failures (1 or more): doubling."""
    first, longest = _OURS if name in {RELAY, JOURNAL, DKIM} else _PROVIDER
    return min(first * float(2 ** min(failures - 1, 20)), longest)


def hit(db: Session, name: str, reason: str, *, now: datetime) -> None:
    """Record a failure; nothing changes while the hold lasts already."""
    known = db.scalar(select(Hold).where(Hold.name == name).with_for_update())
    if known is None:
        row = {"name": name, "failures": 1, "since": now, "until": now + period(name, 1)}
        db.execute(insert(Hold).values(**row, reason=scrub(reason)).on_conflict_do_nothing())
    elif known.until <= now:
        known.failures += 1
        known.until, known.reason = now + period(name, known.failures), scrub(reason)
    db.flush()


def probe(db: Session, name: str, *, now: datetime) -> bool | None:
    """Return True where the caller alone may try, False where nobody may, None where nothing is held.

    The caller then reports the result with `clear`, `failed`, or `release` where there is none.
    """
    held = db.scalar(select(Hold).where(Hold.name == name).with_for_update())
    if held is None:
        return None
    if held.until > now:
        return False
    held.until = now + PROBED_FOR
    db.flush()
    return True


def failed(db: Session, name: str, reason: str, *, now: datetime) -> None:
    """Record that a probe failed: the hold lasts longer."""
    held = db.scalar(select(Hold).where(Hold.name == name).with_for_update())
    if held:
        held.until = now
    hit(db, name, reason, now=now)


def release(db: Session, name: str, *, now: datetime) -> None:
    """End a probe that broke off before it proved anything: whoever is next may try."""
    db.execute(update(Hold).where(Hold.name == name, Hold.until > now).values(until=now))


def bring_back(db: Session, *, now: datetime) -> int:
    """End the holds that last longer than any we set: a clock was ahead; how many."""
    return changed(db, update(Hold).where(Hold.until > now + LONGEST).values(until=now))


def clear(db: Session, *names: str) -> None:
    """Delete these holds: what they name works again."""
    db.execute(delete(Hold).where(Hold.name.in_(names)))


def unusable(db: Session, *, now: datetime) -> bool:
    """Return whether the relay could not even be connected to, and is not to be tried now."""
    held = db.scalar(select(Hold).where(Hold.name == RELAY, Hold.until > now))
    reason = hold_reasons.read(held.reason) if held else None
    return reason is not None and reason[0] in hold_reasons.UNUSABLE


def reached(db: Session, *, now: datetime) -> None:
    """Clear the relay's hold, if it was for a connection that could not be had: one could.

    Also any other that nobody tries any more, since nothing is left to send.
    """
    unusable = func.split_part(Hold.reason, ": ", 1).in_(hold_reasons.UNUSABLE)
    db.execute(delete(Hold).where(Hold.name == RELAY, unusable | (Hold.until < now - UNTRIED)))


def known(db: Session) -> dict[str, Hold]:
    """Return every hold not yet cleared, by name; those whose `until` has passed are being tried."""
    return {hold.name: hold for hold in db.scalars(select(Hold))}


def standing(db: Session, names: Iterable[str], *, now: datetime) -> bool:
    """Return whether any of these is on hold."""
    return db.scalar(select(Hold.name).where(Hold.name.in_(names), Hold.until > now).limit(1)) is not None
