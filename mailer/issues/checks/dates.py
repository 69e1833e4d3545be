"""Check days: those that are past when the issue leaves, and weekdays that are not their date's.  Pure."""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache

from babel.dates import get_day_names

from mailer.issues.blocks import Agenda, Call
from mailer.issues.checks import lists
from mailer.issues.checks.letter import Letter, Passage
from mailer.issues.findings import Finding, warning
from mailer.rendering.merge_fields import for_everybody
from mailer.rendering.prose_dates import WrittenDay, days_in


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield the days that are past or wrong."""
    yield from _past(letter)
    reference = letter.content.date or letter.leaves
    for passage in letter.passages:
        for text in passage.paragraphs:
            for written in days_in(text, letter.content.locale):
                yield from _day(letter, passage, text, written, reference)


def _past(letter: Letter) -> Iterator[Finding]:
    for number, block in enumerate(letter.content.blocks):
        where = f"blocks[{number}]"
        if isinstance(block, Call) and block.deadline < letter.leaves:
            title = for_everybody(block.title, letter.content.locale)
            yield warning("past_deadline", f"{where}.deadline", title=title)
        if isinstance(block, Agenda):
            for place, entry in enumerate(block.entries):
                if entry.date and entry.date < letter.leaves:
                    yield warning("past_event", f"{where}.entries[{place}].date", title=entry.title)


def _day(
    letter: Letter, passage: Passage, text: str, written: WrittenDay, reference: date
) -> Iterator[Finding]:
    locale = letter.content.locale
    if not written.exists() or (written.year and written.near(reference) is None):
        yield warning("no_such_day", passage.where, shown=written.shown)
        return
    day = written.near(reference)
    if day is None:
        return
    if written.weekday not in (None, day.weekday()):
        weekday = str(get_day_names("wide", locale=locale)[day.weekday()])
        yield warning("wrong_weekday", passage.where, shown=written.shown, day=day, weekday=weekday)
    if written.year and day < letter.leaves and _until().search(lists.plain(text[: written.start])):
        yield warning("past_day", passage.where, shown=written.shown)


@cache
def _until() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{lists.expression('before_days')})\s*:?(?: the| le)?\Z")
