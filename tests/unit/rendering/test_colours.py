"""Contrast as WCAG 2 defines it, and colours that are read wherever the letter puts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.rendering import colours, themes
from mailer.rendering.contrast import ENOUGH, ratio

any_colour = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),  # the grey that everybody misses by a hair
        ("#767676", "#ffffff", 4.54),
        ("#0000ff", "#ffffff", 8.59),
        ("#1d5b4f", "#1d5b4f", 1.0),
    ],
)
def test_the_ratio_is_that_of_wcag(one: str, other: str, expected: float) -> None:
    assert round(ratio(one, other), 2) == expected
    assert ratio(one, other) == ratio(other, one)


@given(any_colour)
def test_the_nearest_accent_is_read_wherever_it_stands(colour: str) -> None:
    near = themes.readable_accent(colour)
    assert colours.least(near, themes.under_accent(near)) >= ENOUGH
    if colours.least(colour, themes.under_accent(colour)) >= ENOUGH:
        assert near == colour


@given(any_colour)
def test_the_nearest_ground_bears_its_text(colour: str) -> None:
    near = colours.nearest(colour, themes.on_ground())
    assert colours.least(near, themes.on_ground()) >= ENOUGH


@given(any_colour, any_colour)
def test_every_text_of_a_palette_is_read_in_light_and_dark(accent: str, ground: str) -> None:
    tokens = themes.palette(
        "neutral", themes.readable_accent(accent), colours.nearest(ground, themes.on_ground())
    )
    pairs = [
        ("ink", "card"), ("ink", "tint"), ("muted", "card"), ("muted", "tint"), ("muted", "page"),
        ("accent", "card"), ("accent", "tint"), ("on_accent", "accent"), ("dark_ink", "dark_card"),
        ("dark_ink", "dark_tint"), ("dark_muted", "dark_page"), ("dark_muted", "dark_tint"),
        ("dark_accent", "dark_card"), ("dark_accent", "dark_tint"), ("dark_page", "dark_accent"),
    ]  # fmt: skip
    for text, under in pairs:
        assert ratio(tokens[text], tokens[under]) >= ENOUGH, (text, under)


def test_the_theme_of_the_state_keeps_its_colours() -> None:
    assert themes.palette("dsfr", "#c2410c", "#ffffff") == themes.theme("dsfr")


def test_a_theme_without_own_colours_is_itself() -> None:
    assert themes.palette("neutral") == themes.theme("neutral")
