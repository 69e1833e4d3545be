"""Advise on plain language, sentence by sentence: long ones, unexplained acronyms, administrative turns.
Pure.

The lists are in templates/words/plain_language.yaml, which anybody may read over and extend.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from mailer.core.i18n import words
from mailer.issues.checks.letter import Letter, Passage
from mailer.issues.findings import Finding, advice
from mailer.rendering.markdown_check import CACHED

LONG_SENTENCE = 25  # words
_SHOWN = 70  # characters
_KEY = 3  # characters by which turns are looked up
_WORD = re.compile(r"\w+")
_NEAR = 60  # characters before an acronym, in which its last words stand
_WORDS_BEFORE, _CLOSED = re.compile(r"\w[’ ]\S*\w\s*\(\Z"), re.compile(r"\+?\)")
_WORDS_AFTER = re.compile(r"\+?\s*\(\w+[’ ]\w+")
Turn = tuple[re.Pattern[str], str]
_END = re.compile(r"(?<=[.!?…])(?<!\b[A-Z]\.)(?<!\bMme\.)(?<!\bart\.)[\s»”)]*\s(?=[«“(]?\s?[A-ZÀ-ÖØ-Þ0-9])")
_ACRONYM = re.compile(r"(?<![\w/@.-])(?=[A-Z0-9&]*[A-Z][A-Z0-9&]*[A-Z])[A-Z][A-Z0-9&]{1,6}(?![\w/@]|\.\w)")
_THOUSANDS = re.compile(r"(?<=\d)\s(?=\d{3}\b)")
_ROMAN = re.compile(r"[IVXLCDM]+\Z")


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield advice, in reading order of each kind."""
    locale = letter.content.locale
    for passage in letter.passages:
        if passage.prose:
            for text in passage.paragraphs:
                yield from _long(passage, text)
        for text in passage.paragraphs:
            for shown, plain in turns(text, locale):
                yield advice("heavy_turn", passage.where, shown=shown, plain=plain)
    yield from _acronyms(letter)


def _long(passage: Passage, text: str) -> Iterator[Finding]:
    for sentence in sentences(text):
        if (count := _words(sentence)) > LONG_SENTENCE:
            yield advice("long_sentence", passage.where, shown=_shortened(sentence), words=count)


@lru_cache(maxsize=CACHED)
def _words(sentence: str) -> int:
    """Return how many words a sentence has; « 12 000 » is one."""
    return sum(any(map(str.isalnum, word)) for word in _THOUSANDS.sub("", sentence).split())


@lru_cache(maxsize=CACHED)
def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a paragraph."""
    return tuple(filter(None, map(str.strip, _END.split(text))))


@lru_cache(maxsize=CACHED)
def turns(text: str, locale: str) -> tuple[tuple[str, str], ...]:
    """Return the administrative turns of a paragraph, each with the plain one."""
    plain, listed = text.replace("'", "’").replace("\u00a0", " ").replace("\u202f", " "), _turns(locale)
    matches, end = dict[str, str](), 0
    for word in _WORD.finditer(plain):
        if word.start() >= end and (turn := _turn_at(plain, word.start(), listed)):
            matches.setdefault(*turn)
            end = word.start() + len(turn[0])
    return tuple(matches.items())


def _turn_at(text: str, start: int, listed: dict[str, list[Turn]]) -> tuple[str, str] | None:
    """Return the turn that begins there, and what is written instead."""
    for expression, plain in listed.get(text[start : start + _KEY].lower(), ()):
        if match := expression.match(text, start):
            return match[0], plain
    return None


@cache
def _turns(locale: str) -> dict[str, list[Turn]]:
    """Return the turns by how they begin, the longest first: one expression of them all would be slow."""
    listed = words("plain_language", locale)["turns"]
    starts: dict[str, list[Turn]] = {}
    for turn in sorted(listed, key=len, reverse=True):
        starts.setdefault(turn[:_KEY].lower(), []).append((_expression(turn), listed[turn]))
    return starts


def _expression(turn: str) -> re.Pattern[str]:
    """Return a turn as an expression: * stands for any ending, a space for any blank."""
    written = re.escape(turn).replace(r"\*", r"\w*").replace(r"\ ", r"\s+")
    end = r"(?=\w)" if turn.endswith("’") else r"(?!\w)"
    return re.compile(f"{written}{end}", re.IGNORECASE)


def _acronyms(letter: Letter) -> Iterator[Finding]:
    """Find the acronyms that the issue spells out nowhere: each once, where it first stands."""
    known = set(words("plain_language", letter.content.locale)["known"])
    whole = "\n".join(text for passage in letter.passages for text in passage.paragraphs)
    for passage in letter.passages:
        for text in passage.paragraphs:
            for acronym in _acronyms_in(text):
                if acronym not in known and not _spelled_out(acronym, whole):
                    yield advice("acronym", passage.where, acronym=acronym)
                known.add(acronym)


@lru_cache(maxsize=CACHED)
def _acronyms_in(text: str) -> tuple[str, ...]:
    letters = [character for character in text if character.isalpha()]
    if sum(map(str.isupper, letters)) > len(letters) / 2:  # a line in capitals: its words are no acronyms
        return ()
    return tuple(dict.fromkeys(name for name in _ACRONYM.findall(text) if not _ROMAN.match(name)))


@lru_cache(maxsize=CACHED)
def _spelled_out(acronym: str, whole: str) -> bool:
    """Return whether its words stand beside it: « fonds social européen (FSE) », or the other way round."""
    return any(
        _WORDS_AFTER.match(whole, at.end())
        or (
            _CLOSED.match(whole, at.end())
            and _WORDS_BEFORE.search(whole, max(at.start() - _NEAR, 0), at.start())
        )
        for at in re.finditer(re.escape(acronym), whole)
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN].rpartition(' ')[0]}…"
