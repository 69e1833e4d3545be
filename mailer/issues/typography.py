"""French spacing: what must not be parted at the end of a line.  Pure."""

import re

_THIN, _WIDE = "\u202f", "\u00a0"
_BEFORE_WIDE = re.compile(r"(?<=\S) (?=[:»])")
_BEFORE_THIN = re.compile(r"(?<=\S) (?=[;?!€]|%(?!\())")
_AFTER = re.compile(r"(?<=«) ")


def french(text: str) -> str:
    """The text with no-break spaces where French has them: inside « », before : ; ? ! % and €."""
    text = _AFTER.sub(_WIDE, _BEFORE_WIDE.sub(_WIDE, text))
    return _BEFORE_THIN.sub(_THIN, text)
