"""The dark rules of a mail, always on or always off, and an author's words left alone."""

import pytest

from mailer.issues.render import Rendered
from mailer.rendering.color_scheme import fixed
from tests.unit.issues.conftest import letter, rendered

__all__ = ["letter", "rendered"]


@pytest.mark.parametrize(("dark", "rule"), [(True, "@media all {"), (False, "@media not all {")])
def test_the_real_letter_has_one_scheme(rendered: Rendered, dark: bool, rule: str) -> None:
    page = fixed(rendered.html, dark=dark)
    assert "prefers-color-scheme" not in page
    assert "light dark" not in page
    assert page.count(rule) == 1


def test_only_styles_change() -> None:
    words = "<p>@media (prefers-color-scheme: dark)</p>"
    assert fixed(words, dark=True) == words
