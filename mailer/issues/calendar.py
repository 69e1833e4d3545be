"""Write a dated entry of an agenda as an iCalendar file (RFC 5545).  Pure."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from mailer.issues.blocks import AgendaEntry


def event_ics(entry: AgendaEntry, *, uid: str, url: str, zone: ZoneInfo, now: datetime) -> bytes:
    """Return one event: the whole day, or from its start (for an hour when no end is given).

    Raises ValueError when the entry has no day.
    """
    if entry.date is None:
        raise ValueError("an entry without a day is no event")
    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", now)
    event.add("summary", entry.title)
    event.add("url", url)
    if entry.start:
        begins = datetime.combine(entry.date, entry.start, zone)
        event.add("dtstart", begins)
        event.add("dtend", _end(begins, entry.end))
    else:
        event.add("dtstart", entry.date)
        event.add("dtend", entry.date + timedelta(days=1))
    if entry.place:
        event.add("location", entry.place)
    if entry.details:
        event.add("description", entry.details)
    calendar = Calendar()
    calendar.add("prodid", "-//mailer//agenda//FR")
    calendar.add("version", "2.0")
    calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _end(begins: datetime, end: time | None) -> datetime:
    if end is None:
        return begins + timedelta(hours=1)
    ends = datetime.combine(begins.date(), end, begins.tzinfo)
    return ends if ends > begins else ends + timedelta(days=1)
