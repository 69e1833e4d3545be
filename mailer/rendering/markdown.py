"""Authors' Markdown, as HTML for a mail and as plain text.  Pure.

Raw HTML, images and headings are off: what an author writes stays text, and the outline stays the blocks'.
"""

import re
import textwrap

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from mailer.rendering.merge_fields import MERGE_FIELDS, marker

_OFF = ["html_block", "html_inline", "image", "heading", "lheading", "code", "fence", "table", "hr"]
_STYLES = {
    "paragraph_open": "margin:0 0 14px",
    "bullet_list_open": "margin:0 0 14px;padding-left:22px",
    "ordered_list_open": "margin:0 0 14px;padding-left:22px",
    "list_item_open": "margin:0 0 6px",
    "blockquote_open": "margin:0 0 14px;padding-left:16px;border-left:3px solid #8a8a8a",
}
_PARSER = MarkdownIt("commonmark", {"html": False}).disable(_OFF, ignoreInvalid=True)
_FIELD = re.compile(r"\{\{\s*(" + "|".join(MERGE_FIELDS) + r")\s*\}\}")
WIDTH = 72


def to_html(source: str) -> Markup:
    """Safe HTML, styled inline, merge fields as markers."""
    tokens = _PARSER.parse(source)
    for token in tokens:
        _style(token)
    html = _PARSER.renderer.render(tokens, _PARSER.options, {})
    return Markup(_fields(html.strip()))  # noqa: S704 -- the parser escapes everything but its own tags


def _style(token: Token) -> None:
    style = _STYLES.get(token.type)
    if style:
        token.attrSet("style", style)
    for child in token.children or []:
        if child.type == "link_open":
            child.attrSet("style", "color:inherit;text-decoration:underline")


def to_text(source: str) -> str:
    """Paragraphs wrapped at 72 columns, links spelled out after their words."""
    blocks: list[str] = []
    bullet = ""
    for token in _PARSER.parse(source):
        if token.type == "list_item_open":
            bullet = "- "
        elif token.type == "inline":
            words = "".join(_inline(token.children or []))
            indent = "  " if bullet else ""
            blocks.append(wrap(words, initial=bullet, indent=indent))
            bullet = ""
    return _fields("\n\n".join(blocks))


def _inline(tokens: list[Token]) -> list[str]:
    words: list[str] = []
    links: list[str] = []
    for token in tokens:
        if token.type == "link_open":
            links.append(str(token.attrGet("href") or ""))
        elif token.type == "link_close":
            words.append(f" <{links.pop()}>")
        elif token.type in {"softbreak", "hardbreak"}:
            words.append(" ")
        else:
            words.append(token.content)
    return words


def wrap(text: str, *, initial: str = "", indent: str = "") -> str:
    """Lines of 72 columns at most, addresses never cut."""
    lines = textwrap.wrap(
        " ".join(text.split(" ")),
        WIDTH,
        initial_indent=initial,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


def _fields(text: str) -> str:
    return _FIELD.sub(lambda found: marker(found[1]), text)
