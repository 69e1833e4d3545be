"""Check for words that wait for others: lorem ipsum, TODO, « à compléter », [your text].  Pure."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from mailer.issues.checks import lists
from mailer.issues.checks.letter import Letter
from mailer.issues.findings import Finding, warning
from mailer.rendering.markdown_check import CACHED

_SIGNS = re.compile(
    r"\blorem ipsum\b|\bdolor sit amet\b|\bX{3,}\b|\bx{3,6}\b|\bTODO\b|\bTBD\b|\bTBC\b|\bFIXME\b|\?{3,}|"
    r"_{4,}|\.{5,}|…{2,}|\b(?:blah|bla) bla\b|\bXX/XX\b|\bJJ/MM\b|\bdd/mm\b",
)


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield the words that are to be replaced, once a field."""
    for passage in letter.passages:
        for text in passage.paragraphs:
            if sign := _sign(text):
                yield warning("placeholder", passage.where, shown=sign)
                break


@lru_cache(maxsize=CACHED)
def _sign(text: str) -> str:
    sign = _SIGNS.search(text) or _remarks().search(text)
    return sign[0].strip(" :(–—-") if sign else ""


@cache
def _remarks() -> re.Pattern[str]:
    """Match remarks that stand alone (« un dossier à compléter » is a sentence), and those in brackets."""
    alone = rf"(?:\A|[:(\[–—-]\s*)(?:{lists.expression('remarks')})\s*(?:[.)\]…]|\Z)"
    brackets = rf"\[\s*(?:{lists.expression('in_brackets')})\b[^\[\]\n]{{0,60}}\]"
    return re.compile(f"{alone}|{brackets}", re.IGNORECASE)
