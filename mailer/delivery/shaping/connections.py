"""How many messages the relay takes on one connection, learnt from what it says and from when it closes."""

import math
import time

REMEMBERED = 3600.0  # seconds; the relay may have been set right since


class ConnectionLimit:
    """The limit one sender has learnt; none at first."""

    def __init__(self) -> None:
        self.most, self._learnt = math.inf, 0.0
        self._closed: dict[int, float] = {}  # after so many messages the relay closed, and when it first did

    def reached(self, messages: int) -> bool:
        """Return whether a connection that has carried so many shall carry no more."""
        if messages < self.most:
            return False
        if time.monotonic() - self._learnt < REMEMBERED:
            return True
        self.most, self._closed = math.inf, {}
        return False

    def told(self, messages: int) -> None:
        """Take the relay at its word: no more than so many."""
        self.most, self._learnt = min(self.most, messages), time.monotonic()

    def closed(self, messages: int, born: float) -> None:
        """Note that the relay closed a connection, opened at `born`, after so many messages.

        Twice after as many is a limit, unless it closed on several at a time.
        """
        if born > self._closed.setdefault(messages, time.monotonic()):
            self.told(messages)
