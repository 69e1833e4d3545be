"""Check the typography that a rendering does not mend by itself.  Pure."""

from collections.abc import Iterator
from functools import lru_cache

from mailer.issues.checks.letter import Letter
from mailer.issues.findings import Finding, advice
from mailer.rendering.markdown_check import CACHED
from mailer.rendering.spelling import Slip, slips


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield what is set wrongly, the first of each kind in each field."""
    for passage in letter.passages:
        for slip in _slips(passage.paragraphs, letter.content.locale):
            yield advice(slip.code, passage.where, shown=slip.shown, better=slip.better)


@lru_cache(maxsize=CACHED)
def _slips(paragraphs: tuple[str, ...], locale: str) -> tuple[Slip, ...]:
    first: dict[str, Slip] = {}
    for text in paragraphs:
        for slip in slips(text, locale):
            first.setdefault(slip.code, slip)
    return tuple(first.values())
