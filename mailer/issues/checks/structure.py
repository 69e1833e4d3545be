"""Check what holds a letter together: the order of its headings, and what the law asks for.  Pure."""

import html
import re
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache, lru_cache

from mailer.issues.blocks import Colophon, Content
from mailer.issues.checks import lists
from mailer.issues.checks.letter import Letter
from mailer.issues.findings import Finding, error, warning
from mailer.rendering.merge_fields import UNSUBSCRIBE_URL, fill, for_everybody, marker, values_for

_HEADING = re.compile(r"<h([1-6])\b[^>]*>(.*?)</h\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield what is out of order or missing."""
    yield from _unsubscribe_link(letter)
    yield from _legal(letter)
    yield from _colophon(letter.content)
    yield from _headings(letter)
    if letter.content.demonstration:
        yield warning("demonstration")


def _unsubscribe_link(letter: Letter) -> Iterator[Finding]:
    for part, body in (("HTML", letter.rendered.html), ("text", letter.rendered.text)):
        if marker(UNSUBSCRIBE_URL) not in body:
            yield error("no_way_out", part=part)


def _legal(letter: Letter) -> Iterator[Finding]:
    """Find what the notice of RGPD 13 leaves blank: the settings of the installation give it."""
    for name, value in asdict(letter.legal).items() if letter.legal else ():
        if not str(value).strip():
            yield error("legal_missing", field=name)


def _colophon(content: Content) -> Iterator[Finding]:
    lines = [line for block in content.blocks if isinstance(block, Colophon) for line in block.lines]
    if not lines:
        yield warning("no_colophon")
    elif not any(_director().match(lists.plain(line.role)) for line in lines):
        place = next(n for n, block in enumerate(content.blocks) if isinstance(block, Colophon))
        yield warning("no_director", f"blocks[{place}]")


@cache
def _director() -> re.Pattern[str]:
    return re.compile(rf"(?:{lists.expression('director')})\b")


def _headings(letter: Letter) -> Iterator[Finding]:
    """Find where the headings of the rendered page skip a level: a screen reader lists them."""
    before = 0
    for level, heading in _outline(letter.rendered.html):
        title = fill(heading, values_for(letter.content.locale, None), escape=False)
        if not before and level > 1:
            yield warning("no_main_title", _block(letter.content, title), title=title)
        elif level > before + 1:
            yield warning(
                "heading_skipped", _block(letter.content, title), title=title, level=level, before=before
            )
        before = level


@lru_cache(maxsize=32)
def _outline(page: str) -> list[tuple[int, str]]:
    """Return the level and the words of each heading."""
    return [(int(heading[1]), _words(heading[2])) for heading in _HEADING.finditer(page)]


def _words(inside: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", inside)).split())


def _block(content: Content, title: str) -> str:
    """Return the block whose title this is."""
    for number, block in enumerate(content.blocks):
        own = str(getattr(block, "title", None) or getattr(block, "text", ""))
        if " ".join(for_everybody(own, content.locale).split()) == title:
            return f"blocks[{number}]"
    return ""
