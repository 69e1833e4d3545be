"""Check that a text is in the language its letter says: a screen reader chooses its voice by it.  Pure."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from mailer.core.i18n import LOCALES, words
from mailer.issues.checks.letter import Letter
from mailer.issues.findings import Finding, warning
from mailer.rendering.markdown_check import CACHED

_WORD = re.compile(r"[^\W\d_]+", re.IGNORECASE)
ENOUGH = 20  # words, below which nothing is said
_MARGIN = 3  # times as many little words of another language


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield the texts that are plainly in another language than the letter."""
    for passage in letter.passages:
        other = _other(" ".join(passage.paragraphs), letter.content.locale) if passage.prose else None
        if other:
            yield warning(f"text_in_{other}", passage.where, shown=passage.paragraphs[0][:60])


@lru_cache(maxsize=CACHED)
def _other(text: str, locale: str) -> str | None:
    """Return the language a text is in, where its commonest words say so without doubt."""
    used = _WORD.findall(text.casefold())
    if len(used) < ENOUGH:
        return None
    counts: dict[str, int] = {name: _count(used, name) for name in LOCALES}
    own = counts.pop(locale)
    most = max(counts, key=counts.__getitem__)
    return most if counts[most] > _MARGIN * max(own, 1) else None


def _count(used: list[str], locale: str) -> int:
    return sum(word in _common(locale) for word in used)


@cache
def _common(locale: str) -> frozenset[str]:
    return frozenset(words("plain_language", locale)["common"])
