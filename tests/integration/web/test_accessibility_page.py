"""The page that says what was tested of how accessible the service is."""

import json

import pytest
from flask import Flask

from mailer.core.i18n import LOCALES, words
from tests.gallery.criteria import KEPT

RESULTS = json.loads(KEPT.read_bytes())


@pytest.mark.parametrize("lang", LOCALES)
def test_each_criterion_is_named_with_its_pages_and_its_rules(app: Flask, lang: str) -> None:
    page = app.test_client().get(f"/accessibility?lang={lang}").text
    called = words("accessibility", lang)["criteria"]
    assert len(RESULTS["criteria"]) > 20
    for number, tested in RESULTS["criteria"].items():
        assert f"#{number}" in page
        assert called[number] in page
        assert f">{tested['pages']}</td>" in page
        assert ", ".join(tested["rules"]) in page


def test_the_results_are_those_of_whole_runs() -> None:
    """`make pages KEEP=1` writes them; a run of a few pages keeps nothing."""
    assert RESULTS["pages"] > 100
    assert all(0 < tested["pages"] <= RESULTS["pages"] for tested in RESULTS["criteria"].values())
