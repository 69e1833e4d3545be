"""Fill the merge fields: the few places of an issue that differ from one reader to the next.  Pure.

A rendered issue holds private-use markers where a personal value goes; authors cannot write those
characters, so their text is never taken for a field.  What stands there for a reader without a name travels
inside the marker, in hexadecimal: neither Markdown, nor capitals, nor HTML can change it.
"""

import html
import re
from collections.abc import Callable, Mapping

from mailer.core.i18n import words

MERGE_FIELDS = ("greeting", "name")
HOLE = "\ue000([a-z_]+(?:\\.[0-9a-f]+)?)\ue001"
GREETING = "greeting"
NAME = "name"
UNSUBSCRIBE_URL = "unsubscribe_url"
_QUOTED = r"""(?:"(?P<a>[^"\n]*)"|'(?P<b>[^'\n]*)'|“(?P<c>[^”\n]*)”|«(?P<d>[^»\n]*)»)"""
WRITTEN = re.compile(r"\{\{(?P<inside>[^{}\n]*)\}\}")  # as an author writes a field, right or wrong
_MARKER = re.compile("(\ue000[^\ue001]*\ue001)")
_FIELD = re.compile(rf"\s*(?P<name>{'|'.join(MERGE_FIELDS)})\s*(?:\|\s*{_QUOTED}\s*)?\Z")


def marker(name: str, fallback: str = "") -> str:
    """Return the marker of a merge field in a rendered issue; the fallback is said where a value is empty."""
    return f"\ue000{name}{'.' + fallback.encode().hex() if fallback else ''}\ue001"


def parsed(inside: str) -> tuple[str, str] | None:
    """Return the name and the fallback ("" if none) of what stands in {{ }}; None if it is no field."""
    found = _FIELD.match(inside)
    if found is None:
        return None
    fallback = next((found[group] for group in "abcd" if found[group] is not None), "")
    return found["name"], " ".join(fallback.split())


def marked(text: str) -> str:
    """Return the text with its fields as markers; what is no field stays as it is written."""
    return WRITTEN.sub(_mark, text)


def _mark(written: re.Match[str]) -> str:
    field = parsed(written["inside"])
    return marker(*field) if field else written[0]


def greeting(locale: str, name: str | None) -> str:
    """Return the first words to a reader, by name when they gave one."""
    greetings = words("rendering", locale)["greeting"]
    return str(greetings["named"].format(name=name) if name else greetings["plain"])


def values_for(locale: str, name: str | None) -> dict[str, str]:
    """Return the values of the fields that an author may write, for one reader."""
    return {GREETING: greeting(locale, name), NAME: name or ""}


def as_html(value: str) -> str:
    """Return a value as HTML shows it: escaped, and a new line is one."""
    return html.escape(value).replace("\n", "<br>")


def value(hole: str, values: Mapping[str, str]) -> str:
    """Return what a hole (as HOLE captures it) says: its value, else its fallback.

    Raises KeyError on an unknown field.
    """
    name, _, fallback = hole.partition(".")
    return values[name] or bytes.fromhex(fallback).decode()


def fill(text: str, values: Mapping[str, str], *, escape: bool) -> str:
    """Return the text with its markers replaced, as HTML if so.  Raises KeyError on an unknown field."""
    shown = as_html if escape else str
    return re.sub(HOLE, lambda match: shown(value(match[1], values)), text)


def for_everybody(text: str, locale: str) -> str:
    """Return an author's line as those read it who have no name, with its fields filled."""
    return fill(marked(text), values_for(locale, None), escape=False)


def outside(change: Callable[[str], str], text: str) -> str:
    """Return the text changed everywhere but in its markers."""
    pieces = _MARKER.split(text)
    return "".join(piece if at % 2 else change(piece) for at, piece in enumerate(pieces))
