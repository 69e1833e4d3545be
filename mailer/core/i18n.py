"""Hold the languages a person may be met in, and load the words that are no page's.

Which words live where: docs/decisions/where-words-live.md.
"""

from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar, get_args

import yaml

from mailer.core.paths import templates_dir

Locale = Literal["fr", "en"]
LOCALES: tuple[Locale, ...] = get_args(Locale)  # the first is what the pages are written in
TERMINAL: Locale = "en"  # what the command line speaks, whatever the installation's language
E = TypeVar("E", bound=StrEnum)


class Explained(Exception):
    """Hold the facts of a fault; the door that meets it says the sentence, in its reader's language.

    A subclass names where its sentences are: a file of templates/words, and the part of it.  Its own text is
    the code alone, since facts may be somebody's address and exceptions end in logs.
    """

    sentences: ClassVar[tuple[str, str]]

    def __init__(self, code: str, **facts: object) -> None:
        self.code, self.facts = code, facts
        super().__init__(code)

    def sentence(self, locale: str) -> str:
        """Return what is wrong and what to do, in that language."""
        file, part = self.sentences
        return str(words(file, locale)[part][self.code]).format(**self.facts)


def supported(asked: str | None, otherwise: Locale) -> Locale:
    """Return the language that was asked for, or the other one given when it is none of ours."""
    return next((locale for locale in LOCALES if locale == asked), otherwise)


def words(name: str, locale: str) -> dict[str, Any]:
    """Return what templates/words/NAME.yaml says in one of LOCALES.  Raises KeyError on another language."""
    said: dict[str, Any] = _file(name)[locale]
    return said


def labels(of: type[E], locale: str, use: str = "") -> dict[E, str]:
    """Return what each member of an enumeration is called; `use` names another set than the desk's."""
    named = _labels(of, locale, use)
    return {member: named[member.value] for member in of if member.value in named}


def label(member: StrEnum, locale: str, use: str = "") -> str:
    """Return what a member of an enumeration is called.  Raises KeyError if nothing was written for it."""
    return _labels(type(member), locale, use)[member.value]


def _labels(of: type[StrEnum], locale: str, use: str) -> dict[str, str]:
    named: dict[str, str] = words("labels", locale)[f"{of.__name__} {use}".rstrip()]
    return named


@cache
def _file(name: str) -> dict[str, Any]:
    text = (templates_dir() / "words" / f"{name}.yaml").read_text(encoding="utf-8")
    said: dict[str, Any] = yaml.safe_load(text)
    return said
