"""Waiting for something to be so, however long this machine takes."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

T = TypeVar("T")
PATIENCE = 120.0  # seconds after which what has not come never will: only a failing test waits so long


def until(look: Callable[[], T | None], otherwise: str = "it never came", seconds: float = PATIENCE) -> T:
    """Return the first thing that is true.  Raises AssertionError with what to say otherwise."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(otherwise)
        time.sleep(0.005)
    return seen


def somebody_waits(db: Session) -> bool:
    """Return whether a transaction waits for another."""
    return bool(db.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
