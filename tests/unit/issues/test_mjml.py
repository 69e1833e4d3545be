"""What would crash the compiler is refused before it, or dies in the child."""

import pytest

from mailer.issues.mjml import MjmlError, compile_mjml


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
