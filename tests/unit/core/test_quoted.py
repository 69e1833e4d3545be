"""Addresses taken out of text, however they are spelt, and no others."""

import pytest

from mailer.core.quoted import without

ZOE = "zoé+t@xn--exmple-cua.fr"


def _without(text: str, *, inner: bool = False) -> str:
    return without(text, lambda email: email == ZOE, inner=inner)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Zoé+t@exämple.fr", "—"),
        ("ZOÉ+T@EXÄMPLE.FR, merci", "—, merci"),
        ("zoe\u0301+t@exämple.fr.", "—"),
        ("zoé+t@xn--exmple-cua.fr", "—"),
        ("« zoé+t@exämple.fr »", "« — »"),
        ("(mailto:zoé+t@exämple.fr)", "(mailto:—)"),
        ("l’adresse d’zoé+t@exämple.fr !", "l’adresse d’— !"),
        ("zoé+t@exämple.fr’s or 'zoé+t@exämple.fr'", "—’s or —"),
        ("a@b.fr zoé+t@exämple.fr\nzoé+t@exämple.fr", "a@b.fr —\n—"),
        ("?email=zoé+t@exämple.fr&x", "?email=—&x"),
    ],
)
def test_an_address_goes_however_it_is_spelt(text: str, left: str) -> None:
    assert _without(text) == left


@pytest.mark.parametrize(
    "text", ["", "@", "a@", "@b", "zoé@exämple.fr", "x.zoé+t@exämple.fr", "zoé+t@exämple.fr.com"]
)
def test_others_stay(text: str) -> None:
    assert _without(text) == text


def test_in_the_name_of_a_file_something_may_have_grown_onto_it() -> None:
    assert _without("liste-zoé+t@exämple.fr.csv", inner=True) == "liste-—.csv"
    assert _without("azoé+t@exämple.fr.csv", inner=True) == "azoé+t@exämple.fr.csv"
