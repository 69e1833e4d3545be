"""French spacing."""

import pytest

from mailer.issues.typography import french


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
