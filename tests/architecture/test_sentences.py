"""What users read calls each thing by one name, in both languages, and is set as French and English are."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailer.core.i18n import LOCALES
from mailer.core.paths import templates_dir
from mailer.rendering.typography import french
from mailer.subscribers.consent.wordings import KEEPING, WORDINGS
from tests.architecture.catalogues import catalogue

GLOSSARY = Path(__file__).parents[2] / "docs" / "words.md"
# commands, addresses and placeholders are no words of a sentence
_CODE = re.compile(r"`[^`]*`|https?://\S+|mailto:\S*|\S*@\S+|%\(\w+\)[sd]|\{\{.*?\}\}|\{[^}]*\}")
_CELL = re.compile(r"(?<!\\)\|")


def _texts(of: Any) -> Iterator[str]:
    """Every sentence of a file of words."""
    if isinstance(of, dict):
        for each in of.values():
            yield from _texts(each)
    elif isinstance(of, list):
        for each in of:
            yield from _texts(each)
    elif isinstance(of, str):
        yield of


def _pages(locale: str) -> Iterator[str]:
    for message in catalogue(locale):
        if message.id:
            said = message.string
            yield from (said,) if isinstance(said, str) else tuple(said or ())


def _files(locale: str) -> Iterator[str]:
    for path in sorted((templates_dir() / "words").glob("*.yaml")):
        yield from _texts(yaml.safe_load(path.read_text())[locale])


def _sentences(locale: str) -> list[str]:
    return [*_pages(locale), *_files(locale), WORDINGS[locale], KEEPING[locale]]


def _plain(text: str) -> str:
    """Return a sentence with ordinary spaces, without what is no word of it."""
    return re.sub(r"\s+", " ", _CODE.sub(" ", text))


def _terms(locale: str, column: int) -> list[str]:
    rows = [_CELL.split(line)[1:-1] for line in GLOSSARY.read_text().splitlines() if line.startswith("|")]
    cells = [row[column + LOCALES.index(locale)] for row in rows if row[0].strip() not in {"Thing", "---"}]
    return [term.strip().replace(r"\|", "|") for cell in cells for term in cell.split(",") if term.strip()]


def _held(term: str, texts: list[str]) -> list[str]:
    """Return the sentences that hold a term as whole words."""
    pattern = re.compile(rf"(?<!\w)(?:{term})(?!\w)", re.IGNORECASE)
    return [text for text in texts if pattern.search(text)]


@pytest.mark.parametrize("locale", LOCALES)
def test_one_thing_has_one_term(locale: str) -> None:
    texts = [_plain(text) for text in _sentences(locale)]
    refused = {term: found for term in _terms(locale, 3) if (found := _held(term, texts))}
    assert refused == {}


@pytest.mark.parametrize("locale", LOCALES)
def test_the_glossary_names_what_is_said(locale: str) -> None:
    texts = [_plain(text) for text in _sentences(locale)]
    assert [term for term in _terms(locale, 1) if not _held(term, texts)] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_apostrophes_are_typographic(locale: str) -> None:
    assert [text for text in _sentences(locale) if re.search(r"\w['´`]\w", _CODE.sub(" ", text))] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_quotation_marks_are_those_of_the_language(locale: str) -> None:
    foreign = {"fr": '“”"', "en": '«»"'}[locale]
    assert [text for text in _sentences(locale) if set(foreign) & set(_CODE.sub(" ", text))] == []


def test_french_has_its_no_break_spaces() -> None:
    assert [text for text in _sentences("fr") if french(text) != text] == []
    # and none is forgotten: « » and the high signs of punctuation touch nothing
    assert [
        text for text in _sentences("fr") if re.search(r"«\w|\w»|\w[;?!](?=\s|$)", _CODE.sub("0", text))
    ] == []


def test_english_has_no_space_before_its_punctuation() -> None:
    assert [text for text in _sentences("en") if re.search(r"\w\s[:;?!](?!\w)", _CODE.sub("0", text))] == []
