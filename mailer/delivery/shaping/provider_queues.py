"""The claimed rows that wait for a connection, by provider, and how many of each are in flight.  Pure.

A mailbox provider with limits of its own has a queue; everybody else is in `other`.  Queues take turns, so
that one that is full, or slow, keeps nobody waiting behind it.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable

from mailer.delivery.claim import Claimed


class ProviderQueues:
    """Queue claimed rows by provider, and respect how many of each may be in flight at once."""

    def __init__(self, concurrency: Callable[[str], int | None]) -> None:
        """`concurrency` tells a provider's limit, None when it has none."""
        self._concurrency = concurrency
        self._waiting: dict[tuple[str, bool], deque[Claimed]] = {}  # by provider; those with faults apart
        self._in_flight: Counter[str] = Counter()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def needs_own_connection(self) -> bool:
        """Return whether a row waits that was in flight at a fault of the relay: it is sent alone."""
        return any(needs_own_connection for _, needs_own_connection in self._waiting)

    def put(self, rows: Iterable[Claimed]) -> None:
        for row in rows:
            self._waiting.setdefault((row.provider, row.faults > 0), deque()).append(row)
            self._count += 1

    def take(self, *, shared: bool) -> Claimed | None:
        """Return the next row that may go; on a shared connection, none that was in flight at a fault."""
        alone = None if shared else self._next(needs_own_connection=True)
        return alone or self._next(needs_own_connection=False)

    def _next(self, *, needs_own_connection: bool) -> Claimed | None:
        for place, rows in self._waiting.items():
            provider = place[0]
            limit = self._concurrency(provider)
            if place[1] is not needs_own_connection or (
                limit is not None and self._in_flight[provider] >= limit
            ):
                continue
            self._in_flight[provider] += 1
            self._count -= 1
            row = rows.popleft()
            del self._waiting[place]
            if rows:
                self._waiting[place] = rows  # at the end: the others have their turn
            return row
        return None

    def finished(self, provider: str) -> None:
        """One row of this provider is no longer under way."""
        self._in_flight[provider] -= 1

    def take_expired(self, now: float) -> list[Claimed]:
        """Take back what should have begun by now (clock.steady())."""
        rows = []
        for place, waiting in list(self._waiting.items()):
            while waiting and waiting[0].until < now:
                rows.append(waiting.popleft())
            if not waiting:
                del self._waiting[place]
        self._count -= len(rows)
        return rows

    def take_all(self) -> list[Claimed]:
        """Take back everything that waits."""
        rows = [row for waiting in self._waiting.values() for row in waiting]
        self._waiting.clear()
        self._count = 0
        return rows
