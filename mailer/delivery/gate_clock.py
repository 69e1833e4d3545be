"""How long a look at the ledger is good for, by a clock that goes on while the machine sleeps."""

import time

GATE = 1.0  # seconds
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS has no other that goes on asleep


def now() -> float:
    """Return seconds since some instant, those spent asleep included."""
    return time.clock_gettime(_CLOCK)
