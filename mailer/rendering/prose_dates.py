"""Read the days that are written in sentences: « lundi 3 mars 2026 », "Monday, March 3rd".  Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from babel.dates import get_day_names, get_month_names

_SPACE = r"[ \u00a0\u202f]+"
_NEAR = timedelta(days=120)  # beyond, nobody can tell which year is meant


@dataclass(frozen=True)
class WrittenDay:
    """Hold a day as it is written; without a year, `year` is None."""

    shown: str
    start: int  # where it begins in its text
    weekday: int | None  # 0 is Monday
    day: int
    month: int
    year: int | None

    def near(self, reference: date) -> date | None:
        """Return the day meant, without a year the nearest one; None if it does not exist or is too far."""
        if self.year is not None:
            return _day(self.year, self.month, self.day)
        years = (reference.year - 1, reference.year, reference.year + 1)
        days = [day for year in years if (day := _day(year, self.month, self.day))]
        nearest = min(days, key=lambda day: abs(day - reference), default=None)
        return nearest if nearest and abs(nearest - reference) <= _NEAR else None

    def exists(self) -> bool:
        """Return whether a calendar has it; the 29th of February does, where no year is said."""
        return _day(2024 if self.year is None else self.year, self.month, self.day) is not None


def days_in(text: str, locale: str) -> Iterator[WrittenDay]:
    """Yield the days of a text in that language, in reading order."""
    weekdays, months = _names(locale)
    for match in _pattern(locale).finditer(text):
        read = {name.removesuffix("_us"): part for name, part in match.groupdict().items() if part}
        yield WrittenDay(
            match[0], match.start(), weekdays.get(read.get("weekday", "").casefold()),
            int(read["day"]), months[read["month"].casefold()],
            int(read["year"]) if "year" in read else None,
        )  # fmt: skip


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


@cache
def _names(locale: str) -> tuple[dict[str, int], dict[str, int]]:
    weekdays = {str(name).casefold(): at for at, name in get_day_names("wide", locale=locale).items()}
    months = {str(name).casefold(): at for at, name in get_month_names("wide", locale=locale).items()}
    return weekdays, months


@cache
def _pattern(locale: str) -> re.Pattern[str]:
    weekdays, months = ("|".join(map(re.escape, names)) for names in _names(locale))
    weekday = rf"(?:(?P<weekday>{weekdays}),?{_SPACE}(?:the{_SPACE})?)?"
    day, month = r"(?P<day>\d{1,2})(?:er|st|nd|rd|th)?", rf"(?P<month>{months})"
    year = r"(?P<year>(?:19|20)\d{2})\b"
    if locale == "en":
        american = rf"{month}{_SPACE}{day}(?:,?{_SPACE}{year})?(?!\d)"
        british = rf"{day}{_SPACE}(?:of{_SPACE})?{month}(?:,?{_SPACE}{year})?"
        american = re.sub(r"\?P<(\w+)>", r"?P<\1_us>", american)
        return re.compile(rf"\b{weekday}(?:{british}|{american})", re.IGNORECASE)
    return re.compile(rf"\b{weekday}{day}{_SPACE}{month}(?:{_SPACE}{year})?\b", re.IGNORECASE)
