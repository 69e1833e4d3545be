"""Door: what was tested of how accessible the service is, criterion by criterion.

`make pages KEEP=1` writes what a browser tested into accessibility.json, which travels with the templates.
"""

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from mailer.core.i18n import words
from mailer.core.paths import templates_dir

accessibility = Blueprint("accessibility", __name__)
OFFICIAL = "https://accessibilite.numerique.gouv.fr/methode/criteres-et-tests/#{number}"


@dataclass(frozen=True)
class Criterion:
    """Hold a criterion of the RGAA 4.1, and on how many pages which rules found nothing wrong."""

    number: str
    pages: int
    rules: tuple[str, ...]

    @property
    def official(self) -> str:
        """Return where its whole text is."""
        return OFFICIAL.format(number=self.number)


@accessibility.get("/accessibility")
def page() -> ResponseReturnValue:
    results = _results()
    tested = [
        Criterion(number, result["pages"], tuple(result["rules"]))
        for number, result in results["criteria"].items()
    ]
    return render_template(
        "accessibility.html",
        on=date.fromisoformat(results["on"]), pages=results["pages"], tool=results["axe"],
        criteria=tested, called=words("accessibility", str(get_locale()))["criteria"],
    )  # fmt: skip


@cache
def _results() -> dict[str, Any]:
    results: dict[str, Any] = json.loads((templates_dir() / "web" / "accessibility.json").read_bytes())
    return results
