"""What would crash the compiler is refused before it, or dies in the child."""

import html

import pytest

from mailer.rendering.mjml import MjmlError, compile_mjml


@pytest.mark.parametrize(
    "source",
    [
        "<mjml><mj-body>",
        "<mjml><mj-body><mj-hero></mj-hero></mj-body></mjml>",
        "<mjml>" + "<mj-section>" * 20_000 + "</mj-section>" * 20_000 + "</mjml>",
        "<mjml><mj-body>" + "x" * 500_000 + "</mj-body></mjml>",
    ],
)
def test_a_bad_source_is_an_error_and_not_a_crash(source: str) -> None:
    with pytest.raises(MjmlError):
        compile_mjml(source)


@pytest.mark.parametrize("said", ["deux\u00a0: l’été", "95\u202f%", "e\u0301", "👩\u200d👧", r"C:\new"])
def test_what_is_said_in_an_attribute_comes_out_as_it_went_in(said: str) -> None:
    image = f'<mj-image src="https://letters.example.org/a.png" alt="{said}" />'
    column = f"<mj-section><mj-column>{image}</mj-column></mj-section>"
    page = compile_mjml(f"<mjml><mj-body>{column}</mj-body></mjml>")
    assert f'alt="{said}"' in html.unescape(page)
