"""What a newsletter may be, and the sentence for what it may not."""

from typing import Any

import pytest

from mailer.newsletters.presentation import faults, tidied

GOOD: dict[str, Any] = {
    "name": " La lettre ", "description": "", "from_name": "La lettre", "from_address": "Lettre@Example.org",
    "reply_to": "contact@example.org", "locale": "fr", "theme": "neutral", "legal_basis": "consent",
    "accent": "1D5B4F", "ground": "#fff", "signature": "L’équipe  \r\ndu service\r\n", "footer": "",
    "rubrics": [{"kind": "article", "title": "À la une"}],
}  # fmt: skip


def test_what_is_typed_is_kept_in_one_spelling() -> None:
    tidy = tidied(GOOD)
    assert faults(tidy) == {}
    assert (tidy["name"], tidy["accent"], tidy["ground"]) == ("La lettre", "#1d5b4f", "#ffffff")
    assert (tidy["from_address"], tidy["signature"]) == ("lettre@example.org", "L’équipe\ndu service")


@pytest.mark.parametrize(
    ("field", "value", "code", "in_it"),
    [
        ("name", "  ", "missing", ""),
        ("name", "a\nb", "one_line", ""),
        ("name", "x" * 101, "long", "100"),
        ("from_address", "lettre@", "from_address", "lettre@"),
        ("reply_to", "moi", "reply_to", "moi"),
        ("locale", "de", "choice", ""),
        ("theme", "marianne", "choice", ""),
        ("accent", "bleu", "colour", "#bleu"),
        ("accent", "#ff9900", "accent", "2,04 pour 1"),
        ("ground", "#224466", "ground", "plus proche"),
        ("signature", "\n".join("abcdefghijklm"), "lines", "12"),
        ("footer", "a\x1bb", "unprintable", ""),
        ("rubrics", [{"kind": "text", "title": "a\nb"}], "one_line", ""),
        ("rubrics", [{"kind": "text", "title": ""}] * 21, "rubrics", "20"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(field: str, value: Any, code: str, in_it: str) -> None:
    wrong = faults(tidied(GOOD | {field: value}))
    assert list(wrong) == [field]
    assert wrong[field].code == code
    assert in_it in wrong[field].sentence("fr")
    assert "{" not in wrong[field].sentence("en")


def test_a_domain_is_kept_as_servers_know_it() -> None:
    assert tidied({"return_path_domain": "Retour.Hôpital.example"}) == {
        "return_path_domain": "retour.xn--hpital-ixa.example"
    }


def test_a_contrast_is_never_rounded_up_to_what_is_asked_for() -> None:
    [refused] = faults(tidied({"accent": "#767676"})).values()  # 4.54 on white, 4.4 on its own tint
    assert float(str(refused.facts["ratio"])) < 4.5


def test_the_colour_that_is_offered_passes() -> None:
    [refused] = faults(tidied({"accent": "#ff9900"})).values()
    assert faults({"accent": refused.facts["nearest"]}) == {}
