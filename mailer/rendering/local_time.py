"""Read and write a date and time as staff do, in their time zone.  Pure."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, get_timezone_location

from mailer.core.i18n import Explained, words
from mailer.rendering.typography import clock


class BadTime(Explained, ValueError):
    """Tell why what was typed is no instant."""

    sentences = "rendering", "bad_time"

    def __init__(self, code: str, text: str, at: datetime | None = None) -> None:
        self.at = at
        super().__init__(code, text=text)

    def sentence(self, locale: str) -> str:
        """Return it with the instant, if there is one, as that language writes it."""
        if self.at:
            self.facts |= {"day": _day(self.at.date(), locale), "time": clock(self.at, locale)}
        return super().sentence(locale)


class AmbiguousTime(BadTime):
    """Tell that this time happens twice, as clocks go back: only its author knows which is meant."""


def parse_local(text: str, zone: ZoneInfo, fold: int | None = None) -> datetime:
    """Return the instant, in UTC, of "2026-12-01 08:00" (or with a T) read on a clock of that zone.

    fold tells the first (0) from the second (1) occurrence when clocks go back.
    Raises BadTime when it is no time or is skipped, AmbiguousTime when it happens twice and fold is None.
    """
    typed = text.strip()
    if not typed:
        raise BadTime("missing", typed)
    try:
        local = datetime.strptime(typed.replace("T", " "), "%Y-%m-%d %H:%M").replace(tzinfo=zone)
        first, second = (local.replace(fold=turn).astimezone(UTC) for turn in (0, 1))
    except (ValueError, OverflowError):
        raise BadTime("unreadable", typed) from None
    if first.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise BadTime("gap", typed, local)
    if first != second and fold is None:
        raise AmbiguousTime("overlap", typed, local)
    return second if fold else first


def parse_future(text: str, zone: ZoneInfo, fold: int | None = None, *, now: datetime) -> datetime:
    """Do as parse_local, but raise BadTime too when that instant is past."""
    at = parse_local(text, zone, fold)
    if at <= now:
        raise BadTime("past", text, at.astimezone(zone))
    return at


def shown(at: datetime, zone: ZoneInfo, locale: str) -> str:
    """Return an instant in full: mardi 1er décembre 2026 à 8 h (heure de Paris, 7 h UTC)."""
    local, utc = at.astimezone(zone), at.astimezone(UTC)
    patterns = words("rendering", locale)["instant"]
    shown_at: str = patterns["shown"].format(
        day=_day(local.date(), locale),
        time=clock(local, locale),
        place=get_timezone_location(zone, locale, return_city=True),
        utc=clock(utc, locale),
        shift=patterns["shift"][(utc.date() - local.date()).days],
    )
    return shown_at


def _day(day: date, locale: str) -> str:
    ordinal = "1er" if locale == "fr" and day.day == 1 else str(day.day)
    return format_date(day, f"EEEE '{ordinal}' MMMM y", locale=locale)
