"""Check that the text part says what the HTML part says.  Pure."""

import html
import re
from collections.abc import Iterator
from functools import lru_cache

from mailer.issues.checks.letter import Letter, Passage
from mailer.issues.findings import Finding, warning
from mailer.rendering.markdown_check import CACHED
from mailer.rendering.merge_fields import UNSUBSCRIBE_URL, fill, values_for

_HREF = re.compile(r'\bhref="([^"]+)"')
_WORD = re.compile(r"\w{3,}")
_NOT_SAID = (".alt", ".image.", ".portrait.", ".credit")  # what belongs to images, which a text has not


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield the links and the words that the text part lacks."""
    everybody = values_for(letter.content.locale, None) | {UNSUBSCRIBE_URL: ""}
    text, own = fill(letter.rendered.text, everybody, escape=False), {link.url for link in letter.links}
    addresses = {html.unescape(address) for address in _HREF.findall(letter.rendered.html)}
    for link in letter.links:
        if link.url in addresses & own and link.url not in text:
            yield warning("text_lacks_link", link.where, label=link.label)
    words = _words(text)
    for passage in letter.passages:
        if passage.where.startswith("blocks") and _lacks(passage, words):
            yield warning("text_lacks_words", passage.where, shown=passage.paragraphs[0][:60])


def _lacks(passage: Passage, words: frozenset[str]) -> bool:
    """Return whether none of a passage's words is there, as where a block forgot one of its fields."""
    if any(part in f"{passage.where}." for part in _NOT_SAID):
        return False
    own = _words(" ".join(passage.paragraphs))
    return bool(own) and not own & words


@lru_cache(maxsize=CACHED)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))
