"""French spacing, and instants."""

from datetime import datetime

import pytest

from mailer.rendering.typography import french, long_instant


@pytest.mark.parametrize(
    ("typed", "set_"),
    [
        ("« mot »", "«\u00a0mot\u00a0»"),
        ("Ainsi : oui", "Ainsi\u00a0: oui"),
        ("Pourquoi ?", "Pourquoi\u202f?"),
        ("50 % de 5 M€", "50\u202f% de 5 M€"),
        ("= %(accepted)s (%(percent)s %%)", "= %(accepted)s (%(percent)s\u202f%%)"),
        ("https://example.org", "https://example.org"),
    ],
)
def test_what_must_not_be_parted(typed: str, set_: str) -> None:
    assert french(typed) == set_


def test_an_instant_in_words() -> None:
    at = datetime(2026, 12, 1, 9, 5)
    assert long_instant(at, "fr") == "1er décembre 2026 à 9\u00a0h\u00a005"
    assert long_instant(at, "en") == "1 December 2026 at 09:05"
