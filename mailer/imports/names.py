"""Take people's names as they write them.  Pure.

Joiners (Persian, emoji), marks of direction and apostrophes are parts of names.  What goes is what could
break a header or a page: line breaks, controls, overrides of direction, and our own markers.
"""

import re
import unicodedata

_HARMFUL = re.compile(r"[\u00ad\u200b\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff]")
_CONTROLS = {"Cc", "Co", "Cs"}  # controls, private use (our markers of merge fields), surrogates
_NOTHING = frozenset({"NULL", "\\N", "#N/A", "N/A"})  # how databases and spreadsheets write an empty cell


def tidy_name(text: str, longest: int) -> str | None:
    """Return the name without what could harm; None where there is none, or over `longest` characters."""
    bare = (" " if unicodedata.category(each) in _CONTROLS else each for each in _HARMFUL.sub("", text))
    name = " ".join("".join(bare).split())
    return None if name in _NOTHING or not name or len(name) > longest else name
