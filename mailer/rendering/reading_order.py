"""List what a screen reader says of a mail, in its order: headings, links, images, lists, text.  Pure.

What is hidden is not read (the preheader), nor are a table that only places things, and a decorative image.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Literal

ReadingKind = Literal[
    "title", "landmark", "heading", "text", "link", "image", "list", "item", "quote", "table"
]
_HEADING = re.compile(r"h([1-6])")
_HIDDEN = re.compile(r"display:\s*none")
_LISTS, _SILENT = frozenset({"ul", "ol"}), frozenset({"style", "script", "noscript"})
_BREAKS = frozenset({"p", "div", "td", "th", "tr", "table", "br", "li", "blockquote", "body", *_LISTS})
_VOID = frozenset({"br", "img", "meta", "link", "hr", "input", "base", "col", "wbr"})
_NOTHING = re.compile("[\\s\u034f\u200b\u200c\u00ad]+")  # spaces, and what is written without being seen
_SAID = re.compile(r"\w")  # a lone point between two links is not
Attributes = dict[str, str | None]


@dataclass(frozen=True)
class ReadingItem:
    """Hold one thing that is announced."""

    kind: ReadingKind
    text: str
    level: int = 0  # of a heading
    target: str = ""  # of a link
    count: int = 0  # of a list’s items


def reading_order(page: str) -> list[ReadingItem]:
    """Return everything that is announced, from the top."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.items()


class _Reader(HTMLParser):
    """Gather text until something else is announced."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._items: list[ReadingItem] = []
        self._lists: list[int] = []  # the places of the lists that are open
        self._words = ""
        self._kind: ReadingKind = "text"  # what the words are, once they are whole
        self._level = 0
        self._target = ""
        self._hidden: list[str] = []  # the open tags, from the one that hides what is in it

    def items(self) -> list[ReadingItem]:
        self._end()
        return self._items

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if self._hidden or _is_hidden(tag, values):
            self._hidden += [] if tag in _VOID else [tag]
            return
        if tag in _BREAKS:
            self._end()
        self._landmark(values)
        self._begin(tag, values)

    def _begin(self, tag: str, values: Attributes) -> None:
        """Begin what this tag is announced as."""
        if heading := _HEADING.fullmatch(tag):
            self._turn("heading", level=int(heading[1]))
        elif tag == "title":
            self._turn("title")
        elif tag == "a" and values.get("href"):
            self._turn("link", level=self._level, target=values["href"] or "")
        elif tag == "img":
            self._add("image", values.get("alt") or "")
        elif tag in _LISTS:
            self._lists.append(len(self._items))
            self._items.append(ReadingItem("list", ""))
        elif tag == "li":
            self._count()
            self._kind = "item"
        elif tag == "blockquote":
            self._kind = "quote"
        elif tag == "table" and values.get("role") != "presentation":
            self._items.append(ReadingItem("table", ""))

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            self._hidden.pop()
            return
        if tag in _BREAKS or tag in {"a", "title"} or _HEADING.fullmatch(tag):
            self._end()
        if tag in _LISTS and self._lists:
            self._lists.pop()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._words += data

    def _landmark(self, values: Attributes) -> None:
        label = values.get("aria-label")
        if label:
            self._add("landmark", label)

    def _add(self, kind: ReadingKind, text: str) -> None:
        if text:
            self._end()
            self._items.append(ReadingItem(kind, text))

    def _count(self) -> None:
        if self._lists:
            place = self._lists[-1]
            counted = self._items[place]
            self._items[place] = ReadingItem("list", "", count=counted.count + 1)

    def _turn(self, kind: ReadingKind, *, level: int = 0, target: str = "") -> None:
        self._end()
        self._kind, self._level, self._target = kind, level, target

    def _end(self) -> None:
        words = _NOTHING.sub(" ", self._words).strip()
        if _SAID.search(words):
            self._items.append(ReadingItem(self._kind, words, self._level, self._target))
        self._words, self._kind, self._level, self._target = "", "text", 0, ""


def _is_hidden(tag: str, values: Attributes) -> bool:
    styled = bool(_HIDDEN.search(values.get("style") or ""))
    return tag in _SILENT or styled or values.get("aria-hidden") == "true"
