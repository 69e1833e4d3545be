"""A relay's reply is read by people."""

import pytest

from mailer.core.i18n import words
from mailer.smtp.reply_words import explained, in_words


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("550 5.1.1 user unknown", "cette adresse n’existe pas"),
        ("550-5.1.1 user unknown", "cette adresse n’existe pas"),
        ("452 4.2.2 over quota", "cette boîte de réception est pleine"),
        ("450 4.2.9 odd", "cette boîte de réception ne peut pas recevoir le courriel"),
        ("451 4.7.1 greylisted", "le serveur nous fait attendre, selon ses propres règles"),
        ("554 5.0.0 odd", "le serveur refuse le courriel"),
        ("535 bad password", "le serveur refuse notre identifiant ou notre mot de passe"),
        ("550 no", "le serveur refuse définitivement le courriel"),
        ("499 odd", "le serveur demande d’essayer plus tard"),
        ("250 ok", "le serveur a pris le courriel en charge"),
        ("550", "le serveur refuse définitivement le courriel"),
        ("the connection was refused", None),
        ("5501 apples", None),
        ("", None),
    ],
)
def test_it_is_read_by_its_status_its_code_or_its_class(said: str, meaning: str | None) -> None:
    assert in_words(said, "fr") == meaning


def test_whoever_runs_the_service_gets_the_reply_too() -> None:
    assert explained("550 5.7.1 blocked", "en") == (
        "the server refuses our emails, by its own rules (exact reply: 550 5.7.1 blocked)"
    )
    assert explained("disk full", "en") == "disk full"


def test_both_languages_know_the_same_replies() -> None:
    assert words("smtp", "fr")["replies"].keys() == words("smtp", "en")["replies"].keys()
