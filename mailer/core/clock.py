"""Tell the time by PostgreSQL's clock, and measure time by one that never jumps.

Hosts' clocks differ, and are set forward and back.  So what is stored is dated by the database alone: between
two looks at its clock a process adds the seconds that went by on a steady clock of its own.
"""

import time
from datetime import UTC, datetime

LOOK_EVERY = 10.0  # seconds between two looks at the database's clock
TOLERANCE = 0.05  # seconds by which a look may err: less is no change, so that time does not go back
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS has no other that goes on asleep

_offset: float | None = None  # from the steady clock to the database's seconds since 1970
_looked_at = float("-inf")


def steady() -> float:
    """Return seconds since some instant, those spent asleep included; it is never set."""
    return time.clock_gettime(_STEADY)


def host() -> float:
    """Return the host's own time, in seconds since 1970."""
    return time.time()


def now() -> datetime:
    """Return the database's time, aware, in UTC; the host's before the first look."""
    seconds = host() if _offset is None else steady() + _offset
    return datetime.fromtimestamp(seconds, UTC)


def is_known() -> bool:
    """Return whether the database's clock was ever looked at."""
    return _offset is not None


def is_due() -> bool:
    """Return whether it is time to look at the database's clock again."""
    return steady() - _looked_at > LOOK_EVERY


def begin_look() -> None:
    """Note that the database's clock is being looked at: nobody else needs to."""
    global _looked_at  # noqa: PLW0603 -- a process has one clock
    _looked_at = steady()


def set_to(database: datetime, asked_at: float) -> None:
    """Take the database's time, which was asked for when the steady clock said `asked_at`.

    It was read at some instant until now: what a slow answer may err by is no change either.
    """
    global _offset  # noqa: PLW0603
    now = steady()
    offset = database.timestamp() - (asked_at + now) / 2
    if _offset is None or abs(offset - _offset) > max(TOLERANCE, (now - asked_at) / 2):
        _offset = offset
