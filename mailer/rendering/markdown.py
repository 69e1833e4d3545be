"""Render authors' Markdown as HTML for a mail and as plain text.  Pure.

Raw HTML, images and headings are off: what an author writes stays text, and the outline stays the blocks'.
What would therefore be printed as it is typed, markdown_check names.
"""

import re
import textwrap

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from mailer.rendering import links
from mailer.rendering.merge_fields import marked

OFF = ["html_block", "html_inline", "image", "heading", "lheading", "code", "fence", "table", "hr"]
_STYLES = {
    "paragraph_open": "margin:0 0 14px",
    "bullet_list_open": "margin:0 0 14px;padding-left:22px",
    "ordered_list_open": "margin:0 0 14px;padding-left:22px",
    "list_item_open": "margin:0 0 6px",
    "blockquote_open": "margin:0 0 14px;padding-left:16px;border-left:3px solid #8a8a8a",
}
_PARSER = MarkdownIt("commonmark", {"html": False}).disable(OFF, ignoreInvalid=True)
_YEAR = re.compile(r"^( {0,3}\d{3,9})([.)])(?=\s)", re.MULTILINE)
_BOXES = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}  # as lists of things to do are written
WIDTH = 72
_PARSER.validateLink = links.is_whole  # type: ignore[method-assign, assignment]


def to_html(source: str) -> Markup:
    """Render safe HTML, styled inline, merge fields as markers."""
    tokens = _parsed(source)
    for token in tokens:
        _style(token)
    html = _PARSER.renderer.render(tokens, _PARSER.options, {})
    return Markup(html.strip())  # noqa: S704 -- the parser escapes everything but its own tags


def _parsed(source: str) -> list[Token]:
    """Parse; a year that begins a line is no list of one thousand items, and [ ] in an item is a box."""
    tokens = _PARSER.parse(without_years(marked(source)))
    for at, token in enumerate(tokens):
        if token.type == "inline" and tokens[at - 2].type == "list_item_open" and token.children:
            _tick(token.children[0])
    return tokens


def without_years(source: str) -> str:
    """Return the source in which a number of three digits or more begins no list."""
    return _YEAR.sub(r"\1\\\2", source)


def _tick(first: Token) -> None:
    if first.content[:4] in _BOXES:
        first.content = _BOXES[first.content[:4]] + first.content[4:]


def _style(token: Token) -> None:
    style = _STYLES.get(token.type)
    if style:
        token.attrSet("style", style)
    for child in token.children or []:
        if child.type == "link_open":
            child.attrSet("style", "color:inherit;text-decoration:underline")
        elif child.type == "softbreak":
            _as_space(child)


def _as_space(line_break: Token) -> None:
    """Write a line break as a space: the MJML compiler drops one that stands alone between two tags."""
    line_break.type = "text"
    line_break.content = " "


def to_text(source: str) -> str:
    """Say in plain text what the HTML says: lists with numbers and levels, lines that end where they do.

    Paragraphs are wrapped at 72 columns; a link's address stands after its words, unless it is these.
    """
    text = _Text()
    for token in _parsed(source):
        text.take(token)
    return text.written()


class _Text:
    """Hold paragraphs with what stands before their lines: quote marks, numbers of lists, indents."""

    def __init__(self) -> None:
        self._blocks: list[tuple[bool, str]] = []  # whether it follows closely, and the lines
        self._lists: list[int | None] = []  # the next number of each list around; None: bullets
        self._before: list[str] = []  # what begins each line, level by level
        self._ended = True  # whether no list goes on
        self._item = ""  # the mark of an item whose first line is still to come

    def take(self, token: Token) -> None:
        """Take the parser's next token."""
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            start = int(token.attrGet("start") or 1) if token.type == "ordered_list_open" else None
            self._ended = self._ended or not self._lists
            self._lists.append(start)
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            self._lists.pop()
            self._ended = self._ended or not self._lists
        elif token.type == "list_item_open":
            self._begin_item()
        elif token.type == "blockquote_open":
            self._before.append("> ")
        elif token.type in {"list_item_close", "blockquote_close"}:
            self._before.pop()
        elif token.type == "inline":
            self._add(_lines(token.children or []))

    def _begin_item(self) -> None:
        number = self._lists[-1]
        self._item = "- " if number is None else f"{number}. "
        self._lists[-1] = None if number is None else number + 1
        self._before.append(" " * len(self._item))

    def _add(self, lines: list[str]) -> None:
        indent = "".join(self._before)
        first = "".join(self._before[:-1]) + self._item if self._item else indent
        written = [wrap(line, initial=indent, indent=indent) or indent.rstrip() for line in lines]
        written[0] = wrap(lines[0], initial=first, indent=indent)
        self._blocks.append((bool(self._item) and not self._ended, "\n".join(written)))
        self._item, self._ended = "", False

    def written(self) -> str:
        """Return the whole: items follow one another closely, all else after an empty line."""
        return "".join(("\n" if close else "\n\n") + block for close, block in self._blocks).strip("\n")


def _lines(tokens: list[Token]) -> list[str]:
    """Return the words of a paragraph, a string for each line that the author ended."""
    lines = [""]
    links: list[tuple[str, int]] = []
    for token in tokens:
        if token.type == "link_open":
            links.append((str(token.attrGet("href") or ""), len(lines[-1])))
        elif token.type == "link_close":
            address, begins = links.pop()
            if lines[-1][begins:].strip() not in {address, address.removeprefix("mailto:")}:
                lines[-1] += f" <{address}>"
        elif token.type == "hardbreak":
            lines.append("")
        else:
            lines[-1] += " " if token.type == "softbreak" else token.content
    return lines


def wrap(text: str, *, initial: str = "", indent: str = "") -> str:
    """Lines of 72 columns at most, addresses never cut."""
    lines = textwrap.wrap(
        re.sub(r"[ \t]+", " ", text),  # as HTML shows them
        WIDTH,
        initial_indent=initial,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)
