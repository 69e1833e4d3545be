"""Check the hours of an agenda: that they exist, happen once, and end after they begin.  Pure."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mailer.issues.blocks import Agenda, AgendaEntry
from mailer.issues.checks.letter import Letter
from mailer.issues.findings import Finding, Level

LONGEST_NIGHT = timedelta(hours=12)  # an end before its start is one of the next day, up to there


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield what is wrong with the hours of each entry, on a clock of the staff's zone."""
    for number, block in enumerate(letter.content.blocks):
        for place, entry in enumerate(block.entries if isinstance(block, Agenda) else ()):
            for level, code, hour in (*_order(entry), *_clock(entry, letter.zone)):
                values = ("title", entry.title), ("hour", hour), ("day", entry.date or "")
                yield Finding(level, code, f"blocks[{number}].entries[{place}]", values)


def _order(entry: AgendaEntry) -> Iterator[tuple[Level, str, time]]:
    if entry.date is None or entry.start is None or entry.end is None or entry.end > entry.start:
        return
    length = datetime.combine(entry.date + timedelta(days=1), entry.end) - datetime.combine(
        entry.date, entry.start
    )
    if length > LONGEST_NIGHT:
        yield "error", "ends_before_start", entry.end
    else:
        yield "warning", "ends_next_day", entry.end


def _clock(entry: AgendaEntry, zone: ZoneInfo) -> Iterator[tuple[Level, str, time]]:
    for day, hour in _instants(entry):
        local = datetime.combine(day, hour, zone)
        first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        if first.astimezone(zone).time() != hour:
            yield "error", "hour_skipped", hour
        elif first != second:
            yield "warning", "hour_twice", hour


def _instants(entry: AgendaEntry) -> Iterator[tuple[date, time]]:
    if entry.date and entry.start:
        yield entry.date, entry.start
        if entry.end:
            yield entry.date + timedelta(days=entry.end <= entry.start), entry.end
