"""Every page of the product has a shot, and docs/pages holds the pictures that are kept, and no other."""

import re
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from werkzeug.exceptions import NotFound

from mailer.core.settings import Settings
from mailer.web.app import create_app
from tests.gallery.__main__ import PAGES, gallery
from tests.gallery.camera import SCHEMES, WIDTHS, name_of
from tests.gallery.shots import KEPT, SHOTS

ROOT = Path(__file__).parents[2]
NOT_PAGES = {
    "static", "health.alive", "health.ready",
    "desk.issue.progress", "desk.issue.certificate_file", "desk.compose_start.export",
    "desk.compose_block.preview", "desk.compose_presence.token", "desk.people.progress", "desk.people.report",
    "desk.newsletter.sample",  # the frame of desk.newsletter.page
    "reading.asset", "reading.event", "reading.feed", "reading.robots", "reading.sitemap",
    "preferences.open_again",  # leads to preferences.show
    "yours.corrections.look_again",  # the same page as yours.corrections.look
}  # fmt: skip
PICTURE = re.compile(r'(?:\]\(|src=")([^)"]*\.(?:webp|png))')


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return create_app(settings)


def _photographed(app: Flask) -> set[str]:
    """Return the endpoints whose pages have a shot."""
    found = set()
    doors = app.url_map.bind("example.org")
    for shot in SHOTS:
        path = re.sub(r"\{\w+\}", str(UUID(int=0)), shot.path).partition("?")[0]
        try:
            found.add(doors.match(path)[0])
        except NotFound:
            assert shot.name == "nowhere"
    return found | {"yours.data"}  # a form of yours.home leads there


def test_no_page_is_forgotten(app: Flask) -> None:
    asked = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert asked - _photographed(app) == NOT_PAGES


def test_every_shot_has_a_name_of_its_own() -> None:
    named = [shot.name for shot in SHOTS]
    assert len(set(named)) == len(named)


def test_the_pictures_kept_are_there_and_none_besides() -> None:
    taken = {(shot.name, width, scheme) for shot in SHOTS for width in WIDTHS for scheme in SCHEMES}
    assert set(KEPT) <= taken
    assert {each.name for each in PAGES.iterdir()} == {"README.md"} | {
        f"{name_of(*kept)}.webp" for kept in KEPT
    }


def test_the_gallery_is_as_the_command_writes_it() -> None:
    assert (PAGES / "README.md").read_text(encoding="utf-8") == gallery()


@pytest.mark.parametrize(
    "page", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]), ids=lambda page: page.name
)
def test_every_picture_that_a_document_shows_exists(page: Path) -> None:
    for target in PICTURE.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_a_dozen_light_pictures_are_kept() -> None:
    assert len(KEPT) <= 12
    assert sum(each.stat().st_size for each in PAGES.iterdir()) < 1_000_000  # bytes: git keeps them for ever
