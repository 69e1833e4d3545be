"""How many messages a connection may carry: what a provider takes, what the relay says, when it closes."""

import math
import time
from collections.abc import Mapping

from mailer.smtp.providers import Provider, is_full_connection
from mailer.smtp.replies import Reply
from mailer.smtp.session import Session

MESSAGES_PER_CONNECTION = 500
REMEMBERED = 3600.0  # seconds; the relay may have been set right since


class ConnectionLimit:
    """Hold the limit one sender has learnt; none at first."""

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


class ConnectionLimits:
    """Decide for one sender how much each of its connections may carry."""

    def __init__(self, table: Mapping[str, Provider]) -> None:
        self._table, self._limit = table, ConnectionLimit()

    def is_worn(self, session: Session) -> bool:
        """Return whether this connection has carried enough, in all or to one provider."""
        count = session.messages
        return (
            count >= MESSAGES_PER_CONNECTION
            or (count >= self._limit.most and self._limit.reached(count))
            or any(
                (limits := self._table.get(provider)) and limits.messages and count >= limits.messages
                for provider, count in session.sent_by_provider.items()
            )
        )

    def is_full(self, session: Session, answer: Reply) -> bool:
        """Return whether this answer is about the connection; then no other carries as many."""
        full = session.answered > 0 and is_full_connection(answer)
        if full:
            self._limit.told(session.answered)
        return full

    def closed_between_messages(self, session: Session) -> None:
        """Note that the relay closed this connection between two messages."""
        self._limit.closed(session.answered, session.born)
