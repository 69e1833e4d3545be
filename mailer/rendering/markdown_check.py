"""Find in authors' Markdown what a letter would show as it is typed, and links that lead nowhere.  Pure.

A second parser reads all that Markdown knows, and any address: what it understands and `markdown` does not is
named, and so is what neither understands but looks like a link, a reference or another tool's merge field.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from mailer.rendering import links
from mailer.rendering.markdown import without_years
from mailer.rendering.merge_fields import marked


class _Lenient(MarkdownIt):
    """Take every address for a link, as it is written."""

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 -- the parser's own hook
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802 -- the same
        return url


# "code" stays off: indented lines are prose for `markdown` too.
_PARSER = _Lenient("commonmark", {"html": True})
_PARSER.enable(["table", "strikethrough"]).disable(["code", "text_join"])
_BLOCKS = {
    "heading_open": "md_heading", "table_open": "md_table", "hr": "md_rule", "fence": "md_code",
    "html_block": "md_html",
}  # fmt: skip
_INLINE = {"image": "md_image", "html_inline": "md_html", "s_open": "md_struck"}
_UNDERLINE = re.compile(r"\s*(={3,}|-{3,})\s*\Z")  # fewer are a dash, or a signature's
_SETTLED = "\ufffc"  # stands for what is code, or escaped by its author
_SHOWN = 60  # characters of what is named
CACHED = 2000  # texts whose findings stay in a process’s memory
_PARSED = 50  # and whose pieces do
_LEFT: tuple[tuple[str, re.Pattern[str]], ...] = (  # in the text that is left
    ("link_broken", re.compile(r"!?\[[^\[\]\n]*\]\([^\n)]*\)?")),
    ("md_reference", re.compile(r"\[[^\[\]\n]+\](?:\[[^\[\]\n]*\]|:(?=\s*\S))")),
    ("md_footnote", re.compile(r"\[\^[^\[\]\n]+\]")),
    ("md_braces", re.compile(r"\{\{ ?[^\s{}]{0,40} ?\}?|\{? ?[^\s{}]{0,40} ?\}\}")),
    ("md_other_tool", re.compile(r"\*\|[\w: ]+\|\*|\{%[^\n]*?%\}|%%\w+%%|\$\{\w+\}|\[\[\w+\]\]|<%[^\n]*?%>")),
    ("link_no_scheme", re.compile(r"<www\.[^<>\s]+>", re.IGNORECASE)),
    ("md_bare", re.compile(r"(?:https?://|\bwww\.)[^\s<>]*[^\s<>.,;:!?)»”]", re.IGNORECASE)),
    ("md_emphasis", re.compile(r"(?<!\S)(?:\*\*|__)(?=\S)[^\n]{0,30}|(?<=\S)(?:\*\*|__)(?!\S)")),
    ("md_product", re.compile(r"(?<![\w*])\d+(?:\*\d+)+(?!\*)")),
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """Hold what is wrong in a text: a code, and what is typed there."""

    code: str
    shown: str
    line: int  # from 0
    label: str = ""  # of a link


@dataclass(frozen=True)
class MarkdownLink:
    """Hold a link: its words and its address."""

    label: str
    url: str


@lru_cache(maxsize=CACHED)
def problems(source: str) -> tuple[Problem, ...]:
    """Return what is wrong, in reading order; the same thing once."""
    first: dict[tuple[str, str, str], Problem] = {}
    for problem in _problems(source):
        first.setdefault((problem.code, problem.shown, problem.label), problem)
    return tuple(first.values())


@lru_cache(maxsize=CACHED)
def links_of(source: str) -> tuple[MarkdownLink, ...]:
    """Return every link: inline, by reference, or an address between angle brackets."""
    return tuple(link for token in _parsed(source)[0] for link, _line in _links(token))


@lru_cache(maxsize=CACHED)
def paragraphs(source: str) -> tuple[str, ...]:
    """Return the words of each paragraph and of each item of a list, as a reader meets them."""
    return tuple(_words(token) for token in _parsed(source)[0] if token.type == "inline")


def _words(token: Token) -> str:
    breaks = {"softbreak", "hardbreak"}
    return "".join(" " if child.type in breaks else child.content for child in token.children or [])


@lru_cache(maxsize=_PARSED)
def _parsed(source: str) -> tuple[list[Token], dict[str, Any]]:
    """Return the pieces of a text, which nobody changes, and its references: texts are checked often."""
    env = dict[str, Any]()
    return _PARSER.parse(without_years(marked(source)), env), env


def _problems(source: str) -> Iterator[Problem]:
    lines, (tokens, env) = source.split("\n"), _parsed(source)
    for token in tokens:
        first, end = token.map or (0, 1)
        if code := _block_code(token, lines, end):
            yield Problem(code, _shortened(token.content or lines[first]), first)
        if token.type == "inline":
            yield from _inline(token, first)
    led_to = {link.url for token in tokens for link, _line in _links(token)}
    for label, reference in env.get("references", {}).items():
        if reference["href"] not in led_to:
            yield Problem("md_unused", f"[{label}]: {reference['href']}", reference["map"][0])


def _block_code(token: Token, lines: list[str], end: int) -> str | None:
    underlined = token.type == "heading_open" and token.markup in {"=", "-"}
    if underlined and not _UNDERLINE.match(lines[end - 1]):
        return None
    return _BLOCKS.get(token.type)


def _inline(token: Token, first: int) -> Iterator[Problem]:
    for line, child in _with_lines(token, first):
        if (code := _INLINE.get(child.type)) and not child.content.startswith("</"):
            yield Problem(code, _shortened(child.content or child.markup), line)
        if child.type == "link_open" and child.attrGet("title"):
            yield Problem("md_title", _shortened(str(child.attrGet("title"))), line)
    for link, line in _links(token):
        if code := _link_code(link):
            yield Problem(code, _shortened(link.url), line, _shortened(link.label))
    yield from _in_what_is_left(_left(token), first)


def _in_what_is_left(text: str, first: int) -> Iterator[Problem]:
    for code, pattern in _LEFT:
        for found in pattern.finditer(text):
            yield Problem(code, _shortened(found[0]), first + text.count("\n", 0, found.start()))
        text = pattern.sub(_SETTLED, text)


def _link_code(link: MarkdownLink) -> str | None:
    return links.fault(link.url) or (None if link.label.strip() else "link_no_words")


def _links(token: Token) -> Iterator[tuple[MarkdownLink, int]]:
    label, address, begun = "", None, 0
    for line, child in _with_lines(token, (token.map or (0, 1))[0]):
        if child.type == "link_open":
            label, address, begun = "", str(child.attrGet("href") or ""), line
        elif child.type == "link_close" and address is not None:
            yield MarkdownLink(label, address), begun
            address = None
        else:
            label += " " if child.type == "softbreak" else child.content


def _with_lines(token: Token, first: int) -> Iterator[tuple[int, Token]]:
    """Yield each piece of a paragraph with its line."""
    for child in token.children or []:
        yield first, child
        first += child.type in {"softbreak", "hardbreak"}


def _left(token: Token) -> str:
    """Return the text that stands in no link, with what its author escaped made unreadable."""
    text, depth = "", 0
    for child in token.children or []:
        depth += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type in {"softbreak", "hardbreak"}:
            text += "\n"
        elif child.type == "text" and not depth:
            text += child.content
        elif child.type in {"em_open", "em_close"} and child.markup == "*":
            text += "*"  # which the reader will not see: 2*3*4 shows 234
        elif child.content or child.type in {"link_open", "image"}:
            text += _SETTLED
    return text


def _shortened(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
