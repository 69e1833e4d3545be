"""The merge fields: the few places of an issue that differ from one reader to the next.  Pure.

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
    """Return what stands in a rendered issue for a merge field."""
    return f"\ue000{name}\ue001"


def greeting(locale: str, name: str | None) -> str:
    """Return the first words to a reader, by name when they gave one."""
    said = words("rendering", locale)["greeting"]
    return str(said["named"].format(name=name) if name else said["plain"])


def as_html(value: str) -> str:
    """Return a value as HTML shows it: escaped, and a new line is one."""
    return html.escape(value).replace("\n", "<br>")


def fill(text: str, values: Mapping[str, str], *, escape: bool) -> str:
    """Return the text with its markers replaced, as HTML if so.  Raises KeyError on an unknown field."""
    return re.sub(HOLE, lambda found: as_html(values[found[1]]) if escape else values[found[1]], text)
