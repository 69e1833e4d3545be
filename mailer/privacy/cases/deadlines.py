"""Compute the deadline of a rights request: RGPD 12(3), as Regulation (EEC, Euratom) 1182/71 counts.  Pure.

Every date is a day where the body is (Europe/Paris).  The day of receipt is not counted (1182/71, 3(1)); a
period in months ends with the last hour of the same date some months later, or of that month's last day
(3(2)c); one that would end on a Saturday, a Sunday or a public holiday ends with the next working day
(3(4)).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

from dateutil.easter import easter
from dateutil.relativedelta import relativedelta

ANSWER_WITHIN = 1  # calendar months
EXTENDED_TO = 3  # in all: the extension is of two further months
_FIXED = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))  # month, day
_AFTER_EASTER = (1, 39, 50)  # days: Easter Monday, Ascension, Whit Monday
_SATURDAY = 5


class Alert(StrEnum):
    """Name what the privacy officer is told of a due date, once each."""

    SOON = "soon"  # ten days before
    URGENT = "urgent"  # three days before


ALERTS = {Alert.SOON: timedelta(days=10), Alert.URGENT: timedelta(days=3)}


class Pressure(StrEnum):
    """Name how urgent a case is."""

    SUSPENDED = "suspended"  # its clock is stopped
    ON_TIME = "on_time"
    SOON = "soon"
    URGENT = "urgent"
    LATE = "late"


@lru_cache(maxsize=32)
def holidays(year: int) -> frozenset[date]:
    """Return the days that are holidays everywhere in France (Code du travail, L3133-1).

    Local ones (Good Friday in Moselle, the abolition days overseas) are left out: not counting one can only
    bring the due date forward.
    """
    fixed = {date(year, month, day) for month, day in _FIXED}
    return frozenset(fixed | {easter(year) + timedelta(days=after) for after in _AFTER_EASTER})


def is_working(day: date) -> bool:
    """Return whether a day is neither a Saturday, nor a Sunday, nor a public holiday."""
    return day.weekday() < _SATURDAY and day not in holidays(day.year)


def working_from(day: date) -> date:
    """Return that day, or the first working day after it."""
    while not is_working(day):
        day += timedelta(days=1)
    return day


@dataclass(frozen=True)
class Clock:
    """Hold what decides a due date."""

    received: date
    extended: bool = False
    paused: timedelta = timedelta(0)  # whole days during which an identity was being proved, now over
    paused_since: date | None = None  # the clock is stopped

    @property
    def due(self) -> date:
        """Return the last day on which an answer is in time; of a stopped clock, if it ran again that same
        day.
        """
        return self._due(EXTENDED_TO if self.extended else ANSWER_WITHIN)

    @property
    def extended_due(self) -> date:
        """Return the last day, once extended."""
        return self._due(EXTENDED_TO)

    def _due(self, months: int) -> date:
        return working_from(self.received + relativedelta(months=months) + self.paused)

    def pause(self, today: date) -> "Clock":
        """Stop until the person has proved who they are (12(6)); stopping again changes nothing."""
        return self if self.paused_since else Clock(self.received, self.extended, self.paused, today)

    def resume(self, today: date) -> "Clock":
        """Run again, due later by the days it was stopped."""
        if self.paused_since is None:
            return self
        stopped = max(today - self.paused_since, timedelta(0))
        return Clock(self.received, self.extended, self.paused + stopped)

    def may_extend(self, today: date) -> bool:
        """Return whether it may be extended: once, and until the last day of the first period (12(3))."""
        return not self.extended and (self.paused_since or today) <= self.due

    def pressure(self, today: date) -> Pressure:
        """Return how urgent the answer is."""
        return pressure(self.due, today, paused=self.paused_since is not None)

    def alerts(self, today: date) -> Iterator[Alert]:
        """Yield the alerts whose day has come, the mildest first."""
        if self.paused_since is None:
            yield from ripe(self.due, today)


def ripe(due: date, today: date) -> Iterator[Alert]:
    """Yield the alerts about a due date whose day has come, the mildest first."""
    return (alert for alert, before in ALERTS.items() if today >= due - before)


def pressure(due: date, today: date, *, paused: bool) -> Pressure:
    """Return how urgent an answer is that is due then."""
    if paused:
        return Pressure.SUSPENDED
    if today > due:
        return Pressure.LATE
    reached = [Pressure(alert) for alert in ripe(due, today)]
    return reached[-1] if reached else Pressure.ON_TIME
