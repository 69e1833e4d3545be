"""Look for phrases of many languages in what servers and people write, in linear time.  Pure."""

import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from mailer.outcomes.addresses import ADDRESS

LONGEST = 6_000  # characters of one text that are looked at
GAP = 80  # characters that "…" may stand for
_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"', "«": '"', "»": '"'})
_SHORT = 5  # a phrase of so many letters must be a word of its own


@lru_cache(maxsize=64)  # the same passage is asked about several things
def fold(text: str) -> str:
    """Return a text as phrases are compared with it: no case, no accents, one space, "@" for an address."""
    plain = ADDRESS.sub("@", text[:LONGEST].translate(_QUOTES))
    letters = unicodedata.normalize("NFKD", plain.casefold())
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).split())


class Phrases:
    """Hold phrases; "…" in one stands for up to eighty characters."""

    def __init__(self, phrases: Iterable[str]) -> None:
        parts = [[fold(part) for part in phrase.split("…")] for phrase in phrases]
        self._wholes = [part[0] for part in parts if len(part) == 1]
        self._gapped = [part for part in parts if len(part) > 1]

    def __bool__(self) -> bool:
        return bool(self._wholes or self._gapped)

    def within(self, folded: str) -> bool:
        """Return whether one of them is in a folded text, and begins where a word does."""
        if any(whole in folded and _at_words(whole, folded) for whole in self._wholes):
            return True
        return any(
            all(part in folded for part in parts) and _in_order(parts, folded) for parts in self._gapped
        )

    def count(self, folded: str) -> int:
        """Return how many of those without a gap are in a folded text."""
        return sum(whole in folded and _at_words(whole, folded) for whole in self._wholes)

    def begins(self, folded: str) -> bool:
        """Return whether a folded text begins with one of them."""
        return any(folded.startswith(whole) and _at_words(whole, folded) for whole in self._wholes)

    def equal(self, folded: str) -> bool:
        """Return whether a folded text is one of them."""
        return folded in self._wholes


def _at_words(phrase: str, text: str) -> bool:
    return any(True for _ in _places(phrase, text, 0, len(text)))


def _places(phrase: str, text: str, start: int, end: int) -> Iterator[int]:
    """Return where a phrase stands, as words begin in scripts that have spaces, and short words end."""
    at = text.find(phrase, start, end)
    while at >= 0:
        after = at + len(phrase)
        begins = not _latin(phrase[0]) or not text[at - 1 : at].isalnum()
        if begins and (not _is_short(phrase) or not text[after : after + 1].isalnum()):
            yield at
        at = text.find(phrase, at + 1, end)


def _is_short(phrase: str) -> bool:
    return len(phrase) <= _SHORT and _latin(phrase[-1])


def _latin(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


def _in_order(parts: list[str], text: str) -> bool:
    return any(
        _continues(parts, text, start + len(parts[0])) for start in _places(parts[0], text, 0, len(text))
    )


def _continues(parts: list[str], text: str, at: int) -> bool:
    for part in parts[1:]:
        place = next(_places(part, text, at, at + GAP + len(part)), None)
        if place is None:
            return False
        at = place + len(part)
    return True
