"""Set French spacing, and write days and instants as each language does.  Pure."""

import re
from datetime import date, datetime, time

from babel.dates import format_date

from mailer.core.i18n import words

_THIN, _WIDE = "\u202f", "\u00a0"
_BEFORE_WIDE = re.compile(r"(?<=\S) (?=[:»])")
_BEFORE_THIN = re.compile(r"(?<=\S) (?=[;?!€]|%(?![(\d]))")
_AFTER = re.compile(r"(?<=«) |(?<=\bn°) ")
_THOUSANDS = re.compile(r"(?<=\d) (?=\d{3}\b)")
_UNIT = re.compile(r"(?<=\d) (?=[kKM]o\b)")


def french(text: str) -> str:
    """Return the text with no-break spaces where French has them.

    Inside « », before : ; ? ! % and €, after n°, between thousands, before a unit of bytes.
    """
    text = _UNIT.sub(_WIDE, _AFTER.sub(_WIDE, _BEFORE_WIDE.sub(_WIDE, text)))
    return _THOUSANDS.sub(_THIN, _BEFORE_THIN.sub(_THIN, text))


def typeset(text: str, locale: str) -> str:
    """Return the text with the spaces its language wants."""
    return french(text) if locale == "fr" else text


def long_day(day: date, locale: str) -> str:
    """Return a day in full: 1er décembre 2026, 1 December 2026."""
    shown = format_date(day, "d MMMM y", locale=locale)
    return shown.replace("1 ", "1er ", 1) if locale == "fr" and day.day == 1 else shown


def clock(at: time | datetime, locale: str) -> str:
    """Return an hour: 9 h 05 or 9 h, 09:05 or 09:00."""
    return str(words("rendering", locale)["hour" if at.minute else "full_hour"].format(at=at))


def long_instant(at: datetime, locale: str) -> str:
    """Return an instant in its own time zone: 1er décembre 2026 à 9 h 05, 1 December 2026 at 09:05."""
    at_hour = words("rendering", locale)["at_hour"].format(hour=clock(at, locale))
    return f"{long_day(at.date(), locale)} {at_hour}"
