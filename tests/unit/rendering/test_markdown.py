"""Both parts of a mail say the same, in the same order."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.rendering.markdown import to_html, to_text
from mailer.rendering.mjml import compile_mjml


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("1. un\n2. deux\n   - a\n   - b\n3. trois", "1. un\n2. deux\n   - a\n   - b\n3. trois"),
        ("5. cinq\n6. six", "5. cinq\n6. six"),
        ("Adresse :\\\n1 rue de l’Exemple\\\n59000 Lille", "Adresse :\n1 rue de l’Exemple\n59000 Lille"),
        ("deux espaces  \nici", "deux espaces\nici"),
        ("> Une citation\n> en deux lignes", "> Une citation en deux lignes"),
        ("1986. Une année", "1986. Une année"),
        ("avant\n\n- a\n- b\n\naprès", "avant\n\n- a\n- b\n\naprès"),
        ("[le site](https://x.fr/a)", "le site <https://x.fr/a>"),
        ("<https://x.fr/a>", "https://x.fr/a"),
        ("<a@x.fr>", "a@x.fr"),
        ("- a\n\n  suite de a\n- b", "- a\n\n  suite de a\n- b"),
    ],
)
def test_the_text_part_keeps_what_the_html_says(source: str, text: str) -> None:
    assert to_text(source) == text


def test_a_year_is_no_list() -> None:
    assert "<ol" not in to_html("1986. Une année")


def test_words_on_two_lines_stay_apart_once_compiled() -> None:
    source = to_html("**gras**\n[lien](https://x.fr)\n*penché*")
    page = compile_mjml(
        "<mjml><mj-body><mj-section><mj-column><mj-text>"
        f"{source}</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    assert "gras lien penché" in re.sub(r"<[^>]+>", "", page)


PIECES = st.sampled_from(
    ["mot", "deux mots", "1. un", "2. deux", "- puce", "  - sous", "> cité", "fin\\", "**gras**", "1986. an",
     "", "*a* b", "[site](https://x.fr/)", "<https://x.fr/b>", "50 %", "été", "`code`"]
)  # fmt: skip


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


@given(st.lists(PIECES, max_size=12))
def test_both_parts_have_the_same_words_in_the_same_order(lines: list[str]) -> None:
    source = "\n".join(lines)
    shown = html.unescape(re.sub(r"<[^>]+>", " ", to_html(source)))
    plain = re.sub(
        r"\s*<https?://[^>]+>", "", re.sub(r"^[\s>]*(\d{1,9}\. )?", "", to_text(source), flags=re.M)
    )
    in_lists = re.sub(r"^[\s>]*(\d{1,9}\. )?", "", shown, flags=re.M)
    assert [w for w in _words(plain) if not w.isdigit()] == [w for w in _words(in_lists) if not w.isdigit()]
