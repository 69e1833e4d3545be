"""Typography that somebody asks to have mended: words change, addresses and fields do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.core.i18n import LOCALES
from mailer.rendering.spelling import mended, slips
from mailer.rendering.typography import french

NB, THIN = "\u00a0", "\u202f"


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("typo_space", "Bonjour: «venez»!", f"Bonjour{NB}: «{NB}venez{NB}»{THIN}!"),
        ("typo_space", "**Attention**: [ici](https://x.fr/a:b)!", f"**Attention**{NB}: [ici](https://x.fr/a:b){THIN}!"),
        ("typo_space", "50% de 5M€ et n°3", f"50{THIN}% de 5{THIN}M€ et n°{NB}3"),
        ("typo_quotes", 'un "mot", {{ name | "ami" }}', f"un «{NB}mot{NB}», {{{{ name | \"ami\" }}}}"),
        ("typo_quotes", '"un [lien](https://x.fr/l\'a)"', f"«{NB}un [lien](https://x.fr/l'a){NB}»"),
        ("typo_apostrophe", "l'un à l'a@x.fr", "l’un à l'a@x.fr"),
        ("typo_accent", "A la une : Etat. A vos agendas", "À la une : État. À vos agendas"),
        ("typo_ligature", "Coeur et oeuvre", "Cœur et œuvre"),
        ("typo_hour", "14h30, 9H, 12 h", f"14{NB}h{NB}30, 9{NB}h, 12 h"),
        ("typo_ordinal", "1ère, 2ème et 3ièmes", "1re, 2e et 3es"),
        ("typo_short", "Mr Dupont, etc...", "M. Dupont, etc."),
        ("typo_ellipsis", "et puis...\\\nfin", "et puis…\\\nfin"),
        ("typo_comma", "un , deux .", "un, deux."),
    ],
)  # fmt: skip
def test_what_a_code_names_is_mended_everywhere(code: str, text: str, expected: str) -> None:
    assert mended(text, "fr", code) == expected
    assert code not in {slip.code for slip in slips(expected, "fr")}


def test_a_slip_shows_its_words_and_how_they_are_set_well() -> None:
    (slip,) = slips("Une phrase assez longue, puis l'État et la suite.", "fr")
    assert (slip.shown, slip.better) == ("puis l'État et la", "puis l’État et la")


@given(st.text(alphabet=" aAe!?:;«»\"'.,0159%h€\n[](){}`<>@/é", max_size=40), st.sampled_from(LOCALES))
def test_whatever_is_mended_is_mended_once_and_no_letter_is_lost(text: str, locale: str) -> None:
    for slip in list(slips(text, locale)):
        once = mended(text, locale, slip.code)
        assert mended(once, locale, slip.code) == once
        kept = "".join(filter(str.isdigit, once))
        assert kept == "".join(filter(str.isdigit, text))


def test_what_a_rendering_mends_is_no_slip() -> None:
    for text in ("Oui !", "Non : « rien »", "12 000 Ko"):
        assert list(slips(text, "fr")) == []
        assert french(text) != text
