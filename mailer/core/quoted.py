"""Take addresses out of text that people wrote.  Pure."""

import re
from collections.abc import Callable, Iterator

from mailer.core.address import InvalidAddress, normalise

BLANK = "—"
_RUN = re.compile(r"[^\s@<>()\[\]{}\",;:«»“”|/\\=&?]+@[^\s@<>()\[\]{}\",;:«»“”|/\\=&?]+")
_QUOTES = "'’‘`*_~"  # may stand around an address, or be a part of it
_ENDS = _QUOTES + ".!?…"


def without(text: str, is_theirs: Callable[[str], bool], *, inner: bool = False) -> str:
    """Return the text with a dash for each address that is theirs, and marks around it, however it is spelt.

    `is_theirs` is asked about normalised addresses.  `inner`: also of an address with something grown onto
    it, as in the name of a file.
    """

    def blanked(found: re.Match[str]) -> str:
        run = found[0]
        for start, end in _candidates(run, inner):
            if _named(run[start:end], is_theirs):
                return run[:start] + BLANK + run[end:]
        return run

    return _RUN.sub(blanked, text)


def _candidates(run: str, inner: bool) -> Iterator[tuple[int, int]]:
    """Yield where an address in this run may begin and end, the longest first."""
    at = run.index("@")
    starts = [0, *(place + 1 for place in range(at) if _parts(run[place], inner))]
    ends = [place for place in range(len(run), at + 1, -1) if _may_end(run[place:], inner)]
    yield from ((start, end) for start in starts if start < at for end in ends)


def _may_end(rest: str, inner: bool) -> bool:
    """Return whether an address may end before this: before nothing, a quote, or the end of a sentence."""
    return not rest.strip(_ENDS) or _parts(rest[0], inner)


def _parts(each: str, inner: bool) -> bool:
    return each in _QUOTES or (inner and not each.isalnum())


def _named(text: str, is_theirs: Callable[[str], bool]) -> bool:
    try:
        return is_theirs(normalise(text))
    except InvalidAddress:
        return False
