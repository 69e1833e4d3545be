"""Whatever a person reads exists in French and in English, and what mails say is in one file."""

import pytest

from mailer.core.i18n import LOCALES
from tests.architecture.catalogues import catalogue, compiled, extracted, folder
from tests.architecture.wording import MAILS, mails


def _said(text: object) -> bool:
    return all(text) if isinstance(text, tuple) else bool(text)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_sentence_is_translated(locale: str) -> None:
    known = {message.id: message for message in catalogue(locale) if message.id}
    needed = {message.id for message in extracted() if message.id}
    assert needed - set(known) == set()
    assert set(known) - needed == set()
    assert [m.id for m in known.values() if m.fuzzy or not _said(m.string)] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_placeholders_survive_translation(locale: str) -> None:
    for message in catalogue(locale):
        assert [error.args for error in message.check()] == [], message.id


@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_compiled_is_what_is_written(locale: str) -> None:
    assert (folder(locale) / "messages.mo").read_bytes() == compiled(catalogue(locale))


def test_what_mails_say_is_what_was_read_over() -> None:
    """A change of their words is looked at in mails.txt, which `make messages` writes."""
    assert mails() == MAILS.read_text()
