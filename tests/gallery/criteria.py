"""Gather which criteria of the RGAA a browser tested, by which rules, on how many pages.

Each rule of axe names the tests of the RGAA 4.1 that it takes part in ("RGAA-1.1.1" is a test of 1.1).
"""

import json
import re
from collections import defaultdict
from datetime import date
from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from mailer.core.paths import templates_dir

KEPT = templates_dir() / "web" / "accessibility.json"
REFLOW = ("10.11", "reflow")  # what tests.support.axe.look looks for by itself, at 320 pixels and at 200 %
_PASSED = """context => axe.run(context ?? document, {resultTypes: ["passes"]})
    .then(({passes}) => passes.map(({id, tags}) => [id, tags]))"""
_TEST = re.compile(r"RGAA-(\d+\.\d+)\.\d+")


class Criteria:
    """Hold, by criterion, the rules that were applied and the pages they were applied to."""

    def __init__(self) -> None:
        self.pages: set[str] = set()
        self._rules = defaultdict[str, set[str]](set)
        self._on = defaultdict[str, set[str]](set)

    def note(self, page: Page, name: str) -> None:
        """Add a page on which nothing was found; `look` has put axe into it."""
        self.pages.add(name)
        self._add(name, *REFLOW)
        for rule, tags in page.evaluate(_PASSED, {"exclude": [["iframe"]]}):
            for criterion in {test[1] for tag in tags if (test := _TEST.fullmatch(tag))}:
                self._add(name, criterion, rule)

    def _add(self, page: str, criterion: str, rule: str) -> None:
        self._rules[criterion].add(rule)
        self._on[criterion].add(page)

    def write(self, path: Path, *, on: date) -> None:
        """Keep them for the page that states how accessible the service is."""
        tested = {
            number: {"pages": len(self._on[number]), "rules": sorted(self._rules[number])}
            for number in sorted(self._rules, key=lambda number: [int(part) for part in number.split(".")])
        }
        axe = re.search(r"axe v([\d.]+)", AXE_SCRIPT)
        whole = {
            "on": on.isoformat(), "axe": axe[1] if axe else "", "pages": len(self.pages), "criteria": tested
        }  # fmt: skip
        path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
