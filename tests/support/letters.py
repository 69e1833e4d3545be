"""Letters of a few blocks, and what the checks find in them."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from mailer.issues.blocks import Content
from mailer.issues.checks.check import check
from mailer.issues.checks.letter import Letter
from mailer.issues.findings import Finding
from mailer.issues.pictures import Picture
from mailer.issues.render import Rendered
from mailer.rendering.merge_fields import UNSUBSCRIBE_URL, marked, marker

PARIS = ZoneInfo("Europe/Paris")
LEAVES = date(2026, 12, 1)
COLOPHON = {"kind": "colophon", "lines": [{"role": "Direction de la publication", "names": "Léa"}]}


def content_of(*blocks: dict[str, Any], **head: Any) -> Content:
    """A letter of these blocks, which ends in a colophon."""
    values: dict[str, Any] = {"newsletter": "lettre", "title": "t", "subject": "s", "preheader": "p"}
    return Content.model_validate(values | {"blocks": [*blocks, COLOPHON]} | head)


def page_of(content: Content, html: str = "") -> Rendered:
    """Pages that say all that the letter says, and can be left."""
    text = marked("\n".join(_texts(content.dump())))
    return Rendered(html + marker(UNSUBSCRIBE_URL), text + marker(UNSUBSCRIBE_URL), "")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def findings_in(content: Content, html: str = "", **more: Any) -> list[Finding]:
    """What all the checks find."""
    values: dict[str, Any] = {"leaves": LEAVES, "zone": PARIS} | more
    return check(Letter(content, page_of(content, html), **values))


def text_of(text: str, **head: Any) -> Content:
    """A letter of one text."""
    return content_of({"kind": "text", "text": text}, **head)


def codes(content: Content, html: str = "", **more: Any) -> list[tuple[str, str]]:
    """The code and the place of each finding."""
    return [(finding.code, finding.where) for finding in findings_in(content, html, **more)]


def codes_in(text: str, **head: Any) -> list[str]:
    """The codes of what is found in a text."""
    return [finding.code for finding in findings_in(text_of(text, **head))]


def picture(width: int) -> Picture:
    """An image of so many pixels."""
    return Picture("https://x.fr/a.png", width)
