"""Read dates as spreadsheets, services and people write them.  Pure.

A column is read in one form.  Where figures alone could be day-month or month-day, the first row that admits
one reading only (12/31/2025) says which it is for the whole column; where none does, a person is asked.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum

from babel.dates import get_day_names, get_month_names
from dateutil.parser import parser, parserinfo

from mailer.core.i18n import LOCALES

EXCEL_EPOCH = datetime(1899, 12, 30)
SERIALS = range(20_000, 80_000)  # Excel's days: 1954 to 2119
SECONDS = range(10**8, 10**10)  # Unix time: 1973 to 2286
_FIGURES = re.compile(r"\s*(\d{1,2})([/.\-])(\d{1,2})\2(?:\d{4}|\d{2})(?!\d)")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?\Z")
_ZONE_NAME = re.compile(r" ?([+-]\d\d:?\d\d)(?: [A-Z]{2,5})?\Z")  # as Go writes it: … +0000 UTC
_ISO = re.compile(r"\d{4}-?\d\d-?\d\d(?!\d)")
_UNSAID = datetime(2000, 1, 1), datetime(2001, 2, 2)


class DateOrder(StrEnum):
    """Say how a column writes its dates in figures."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


def _forms(kind: str, at: int) -> tuple[str, ...]:
    """List how a month or a day is written in French and in English, whole or cut short."""
    names = get_month_names if kind == "month" else get_day_names
    wide = [names(width, locale=locale)[at] for width in ("wide", "abbreviated") for locale in LOCALES]
    return tuple(dict.fromkeys(form for name in wide for form in (name.rstrip("."), _bare(name.rstrip(".")))))


def _bare(word: str) -> str:
    return word.translate(str.maketrans("éèêûôàç", "eeeuoac"))


class _Words(parserinfo):
    """Hold the words of a date, in French and in English."""

    def __init__(self) -> None:
        self.JUMP = [*parserinfo.JUMP, "à", "a", "le", "de", "du", "er"]
        self.MONTHS = [_forms("month", at) for at in range(1, 13)]  # type: ignore[misc]
        self.WEEKDAYS = [_forms("day", at) for at in range(7)]  # type: ignore[misc]
        super().__init__()


_PARSER = parser(_Words())
_ZONES = {"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3}


def _zone(name: str | None, offset: int | None) -> tzinfo | None:
    """Return the zone a date names, if any.  Raises ValueError: one that is not known is not guessed."""
    if offset is not None:
        return timezone(timedelta(seconds=offset))
    if name is None:
        return None
    if name not in _ZONES:
        raise ValueError(name)
    return timezone(timedelta(hours=_ZONES[name]))


def order_of(text: str) -> DateOrder | None:
    """Say in which order a date in figures is written; None where it is not told, or does not matter."""
    found = _FIGURES.match(text)
    if not found:
        return None
    first, second = int(found[1]), int(found[3])
    if first <= 12 < second <= 31:
        return DateOrder.MONTH_FIRST
    return DateOrder.DAY_FIRST if second <= 12 < first <= 31 else None


def is_ambiguous(text: str) -> bool:
    """Return whether this date in figures is another day when read the other way."""
    found = _FIGURES.match(text)
    return found is not None and int(found[1]) != int(found[3]) and max(int(found[1]), int(found[3])) <= 12


def instant(text: str, zone: tzinfo, order: DateOrder = DateOrder.DAY_FIRST) -> datetime | None:
    """Read a date in UTC, `zone` for those that name none; None when it is none.

    Read: ISO 8601; figures with / . or -, in the column's order; months in French or English; Excel's days;
    Unix time in seconds or milliseconds; an hour behind any of them.
    """
    try:
        at = _written(_ZONE_NAME.sub(r"\1", text.strip()), order)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _written(text: str, order: DateOrder) -> datetime:
    if _ISO.match(text):
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    if _NUMBER.match(text):
        return _counted(float(text.replace(",", ".")))
    day_first = order is DateOrder.DAY_FIRST
    said = [_PARSER.parse(text, default=day, dayfirst=day_first, tzinfos=_zone) for day in _UNSAID]
    if said[0].date() != said[1].date():
        raise ValueError("no year, no month or no day")
    return said[0]


def _counted(number: float) -> datetime:
    """Read a number as a spreadsheet's days, or as seconds or milliseconds since 1970."""
    if int(number) in SERIALS:
        return EXCEL_EPOCH + timedelta(seconds=round(number * 86_400))
    for scale in (1, 1000):
        if int(number / scale) in SECONDS:
            return datetime.fromtimestamp(number / scale, UTC)
    raise ValueError("a number that is no date")
