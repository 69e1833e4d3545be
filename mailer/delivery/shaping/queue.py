"""The claimed rows that wait for a connection, by lane, and how many of each lane are under way.  Pure.

A lane is a mailbox provider with a pace of its own; everybody else is in `other`.  Lanes take turns, so that
one that is full, or slow, keeps nobody waiting behind it.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable

from mailer.delivery.ledger import Claimed


class Lanes:
    """A queue that knows how many rows of each lane may be in flight at once."""

    def __init__(self, room: Callable[[str], int | None]) -> None:
        """`room` tells a lane's limit, None when it has none."""
        self._room = room
        self._waiting: dict[tuple[str, bool], deque[Claimed]] = {}  # by lane; those in trouble apart
        self._away: Counter[str] = Counter()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def troubled(self) -> bool:
        """Whether somebody waits who has seen a relay break off, and now needs a connection alone."""
        return any(troubled for _, troubled in self._waiting)

    def put(self, rows: Iterable[Claimed]) -> None:
        for row in rows:
            self._waiting.setdefault((row.lane, row.faults > 0), deque()).append(row)
            self._count += 1

    def take(self, *, company: bool) -> Claimed | None:
        """Return the next row that may go; with company, never one whose relay has broken off before."""
        return (None if company else self._next(troubled=True)) or self._next(troubled=False)

    def _next(self, *, troubled: bool) -> Claimed | None:
        for place, rows in self._waiting.items():
            lane = place[0]
            limit = self._room(lane)
            if place[1] is not troubled or (limit is not None and self._away[lane] >= limit):
                continue
            self._away[lane] += 1
            self._count -= 1
            row = rows.popleft()
            del self._waiting[place]
            if rows:
                self._waiting[place] = rows  # at the end: the others have their turn
            return row
        return None

    def landed(self, lane: str) -> None:
        """One row of this lane is no longer under way."""
        self._away[lane] -= 1

    def stale(self, now: float) -> list[Claimed]:
        """Take back what should have begun by now (gate.now())."""
        rows = []
        for place, waiting in list(self._waiting.items()):
            while waiting and waiting[0].until < now:
                rows.append(waiting.popleft())
            if not waiting:
                del self._waiting[place]
        self._count -= len(rows)
        return rows

    def empty(self) -> list[Claimed]:
        """Take back everything that waits."""
        rows = [row for waiting in self._waiting.values() for row in waiting]
        self._waiting.clear()
        self._count = 0
        return rows
