"""What an author writes in braces, and what each reader gets for it."""

import pytest

from mailer.rendering.merge_fields import fill, for_everybody, marked, marker, outside, parsed, values_for
from mailer.rendering.mjml import compile_holes


@pytest.mark.parametrize(
    ("inside", "field"),
    [
        (" name ", ("name", "")),
        ("name", ("name", "")),
        (' name | "lecteur" ', ("name", "lecteur")),
        ("name|'cher  lecteur'", ("name", "cher lecteur")),
        (" name | “lecteur” ", ("name", "lecteur")),
        (" name | «\u00a0lecteur\u00a0» ", ("name", "lecteur")),
        (" greeting ", ("greeting", "")),
        (" prénom ", None),
        (" name | lecteur ", None),
        (' name | "lecteur', None),
        (" Name ", None),
        ("", None),
    ],
)
def test_a_field_is_read_as_people_type_it(inside: str, field: tuple[str, str] | None) -> None:
    assert parsed(inside) == field


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Zoé <b>", "Zoé &lt;b&gt; et Bonjour Zoé &lt;b&gt;,"), (None, "l&#x27;ami et Bonjour,")],
)
def test_a_reader_without_a_name_gets_the_fallback(name: str | None, shown: str) -> None:
    text = marked('{{ name | "l\'ami" }} et {{ greeting }}')
    assert fill(text, values_for("fr", name), escape=True) == shown


def test_everybody_reads_no_hole() -> None:
    assert for_everybody('{{ greeting }} {{ name | "lecteur" }}, lisez', "fr") == "Bonjour, lecteur, lisez"
    assert for_everybody("{{ prénom }}", "fr") == "{{ prénom }}"


def test_capitals_leave_a_marker_whole() -> None:
    text = outside(str.upper, marked('pour {{ name | "vous" }} aussi'))
    assert fill(text, values_for("fr", "Zoé"), escape=False) == "POUR Zoé AUSSI"


def test_the_compiler_leaves_a_marker_with_its_fallback_whole() -> None:
    hole = marker("name", "l’ami <b>")
    page = compile_holes(
        f"<mjml><mj-body><mj-section><mj-column><mj-text>{hole}</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    assert hole in page
    assert "l’ami &lt;b&gt;" in fill(page, values_for("fr", None), escape=True)
