"""Take the text out of an HTML page that somebody sent.  Pure."""

import re
from html import unescape

_UNSEEN = frozenset({"style", "script", "head"})
_BREAKS = frozenset({"p", "br", "br/", "div", "tr", "li", "blockquote"})


def from_html(page: str) -> str:
    """Return the text of an HTML page in one pass: parsers take the square of its length at worst."""
    words: list[str] = []
    unseen, pieces = 0, page.split("<!--")
    shown = pieces[0] + "".join(piece.partition("-->")[2] for piece in pieces[1:])
    for at, chunk in enumerate(shown.split("<")):
        tag, _, after = chunk.partition(">") if at else ("", "", chunk)
        name = (tag.split(None, 1) or [""])[0].lower()
        unseen = max(unseen + (name in _UNSEEN) - (name[1:] in _UNSEEN and name.startswith("/")), 0)
        words += ["\n"] if name in _BREAKS else []
        words += [] if unseen else [" ".join(re.split(r"\s", after))]
    lines = (" ".join(line.split()) for line in unescape("".join(words)).split("\n"))
    return "\n".join(line for line in lines if line)
