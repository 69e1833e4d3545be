"""Fill the merge fields: the few places of an issue that differ from one reader to the next.  Pure.

A rendered issue holds private-use markers where a personal value goes; authors cannot write those
characters, so their text is never taken for a field.
"""

import html
import re
from collections.abc import Mapping

from mailer.core.i18n import words

MERGE_FIELDS = ("greeting", "name")


HOLE = "\ue000([a-z_]+)\ue001"
GREETING = "greeting"
NAME = "name"
UNSUBSCRIBE_URL = "unsubscribe_url"


def marker(name: str) -> str:
    """Return the marker of a merge field in a rendered issue."""
    return f"\ue000{name}\ue001"


def greeting(locale: str, name: str | None) -> str:
    """Return the first words to a reader, by name when they gave one."""
    greetings = words("rendering", locale)["greeting"]
    return str(greetings["named"].format(name=name) if name else greetings["plain"])


def as_html(value: str) -> str:
    """Return a value as HTML shows it: escaped, and a new line is one."""
    return html.escape(value).replace("\n", "<br>")


def fill(text: str, values: Mapping[str, str], *, escape: bool) -> str:
    """Return the text with its markers replaced, as HTML if so.  Raises KeyError on an unknown field."""
    return re.sub(HOLE, lambda match: as_html(values[match[1]]) if escape else values[match[1]], text)
