"""A date and time as staff type and read it, in their time zone.  Pure."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, get_timezone_location

_SENTENCES = {
    "missing": {"fr": "Indiquez une date et une heure.", "en": "Give a date and a time."},
    "unreadable": {
        "fr": "« {text} » n’est pas une date et une heure. Écrivez par exemple 2026-12-01 08:00.",
        "en": "“{text}” is not a date and time. Write for instance 2026-12-01 08:00.",
    },
    "past": {
        "fr": "Le {day}, {time} est déjà passé. Choisissez une heure à venir.",
        "en": "{day}, {time} is already past. Choose a time to come.",
    },
    "gap": {
        "fr": "Le {day}, {time} n’existe pas : les horloges avancent à l’heure d’été à ce moment-là. "
        "Choisissez une autre heure.",
        "en": "On {day}, {time} does not exist: clocks go forward at that moment. Choose another time.",
    },
    "overlap": {
        "fr": "Le {day}, {time} arrive deux fois : les horloges reculent à l’heure d’hiver. "
        "Dites laquelle des deux vous voulez.",
        "en": "On {day}, {time} happens twice: clocks go back. Say which of the two you mean.",
    },
}
_SHOWN = {
    "fr": "{day} à {time} (heure de {place}, {utc} UTC{shift})",
    "en": "{day} at {time} ({place} time, {utc} UTC{shift})",
}
_SHIFT = {
    "fr": {-1: " la veille", 0: "", 1: " le lendemain"},
    "en": {-1: " the day before", 0: "", 1: " the day after"},
}


class BadTime(ValueError):
    """What was typed is no instant; `sentence` tells its author why."""

    def __init__(self, fault: str, text: str, at: datetime | None = None) -> None:
        self.fault, self.text, self.at = fault, text, at
        super().__init__(self.sentence("fr"))

    def sentence(self, locale: str) -> str:
        day, time = (_day(self.at.date(), locale), f"{self.at:%H:%M}") if self.at else ("", "")
        return _SENTENCES[self.fault][locale].format(text=self.text, day=day, time=time)


class AmbiguousTime(BadTime):
    """Clocks go back: this time happens twice, and only its author knows which is meant."""


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
    """As parse_local, and raises BadTime too when that instant is past."""
    at = parse_local(text, zone, fold)
    if at <= now:
        raise BadTime("past", text, at.astimezone(zone))
    return at


def shown(at: datetime, zone: ZoneInfo, locale: str) -> str:
    """Return an instant in full: mardi 1er décembre 2026 à 08:00 (heure de Paris, 07:00 UTC)."""
    local, utc = at.astimezone(zone), at.astimezone(UTC)
    return _SHOWN[locale].format(
        day=_day(local.date(), locale),
        time=f"{local:%H:%M}",
        place=get_timezone_location(zone, locale, return_city=True),
        utc=f"{utc:%H:%M}",
        shift=_SHIFT[locale][(utc.date() - local.date()).days],
    )


def _day(day: date, locale: str) -> str:
    ordinal = "1er" if locale == "fr" and day.day == 1 else str(day.day)
    return format_date(day, f"EEEE '{ordinal}' MMMM y", locale=locale)
