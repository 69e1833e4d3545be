"""Hold what the checks look at: the letter, its pages, and its words and links one by one.  Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from mailer.issues.blocks import PROSE, PROSE_KINDS, Content
from mailer.issues.checks.visits import Visit
from mailer.issues.pictures import Picture
from mailer.issues.render import LegalNotice, Rendered
from mailer.rendering import links, markdown_check
from mailer.rendering.merge_fields import for_everybody

HEAD = ("title", "subject", "preheader", "number")
_NO_WORDS = frozenset(
    {"kind", "url", "src", "departement", "decorative"}
)  # fields nobody reads as a sentence


@dataclass(frozen=True)
class Passage:
    """Hold the words of one field as a reader meets them, without Markdown; a line is one paragraph."""

    where: str  # blocks[3].text
    paragraphs: tuple[str, ...]
    prose: bool  # whether it is made of sentences, and no title or label


@dataclass(frozen=True)
class WrittenLink:
    """Hold a link that the author wrote: its block, its words, its address."""

    where: str
    label: str
    url: str


@dataclass(frozen=True)
class Letter:
    """Hold an issue as it would leave; `leaves` is the day of the send, in `zone`, the staff's."""

    content: Content
    rendered: Rendered
    leaves: date
    zone: ZoneInfo
    site: str = ""  # the address under which our own images are
    legal: LegalNotice | None = None
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    image_bytes: int = 0  # of all images together
    visits: Mapping[str, Visit] = field(default_factory=dict)  # what addresses answered when they were asked

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """Return every field with words, in reading order."""
        return tuple(_passages(self.content))

    @cached_property
    def links(self) -> tuple[WrittenLink, ...]:
        """Return every link, those within texts too, in reading order."""
        return tuple(links_of(self.content))


def _passages(content: Content) -> Iterator[Passage]:
    for name in HEAD:
        if text := getattr(content, name):
            yield Passage(name, (for_everybody(text, content.locale),), prose=False)
    for number, block in enumerate(content.blocks):
        texts = {"text"} if block.kind in PROSE_KINDS else set()
        for where, text in _lines(block.model_dump(exclude=texts), f"blocks[{number}]"):
            yield Passage(where, (for_everybody(text, content.locale),), prose=False)
        for name in texts:
            paragraphs = markdown_check.paragraphs(for_everybody(getattr(block, name), content.locale))
            yield Passage(f"blocks[{number}].{name}", paragraphs, prose=True)


def _lines(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and value:
        yield where, value
    elif isinstance(value, dict):
        for name, part in value.items():
            if name not in _NO_WORDS:
                yield from _lines(part, f"{where}.{name}")
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _lines(part, f"{where}[{number}]")


def links_of(content: Content) -> Iterator[WrittenLink]:
    """Yield every link of a letter, those within texts too, in reading order."""
    for number, block in enumerate(content.blocks):
        where = f"blocks[{number}]"
        for label, url in _addresses(block.model_dump()):
            yield WrittenLink(where, label, url)
        for written in markdown_check.links_of(block.text) if isinstance(block, PROSE) else ():
            if not links.fault(written.url):
                yield WrittenLink(where, written.label, written.url)


def _addresses(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the words and the address of each part that has one."""
    if isinstance(value, dict):
        if value.get("url"):
            yield str(value.get("label") or value.get("title") or ""), value["url"]
        for part in value.values():
            yield from _addresses(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _addresses(part)
