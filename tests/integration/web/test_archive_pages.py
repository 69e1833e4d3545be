"""What everybody may read: the archive, its search, its feed, and what engines are told."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mailer.core.db import transaction, utcnow
from mailer.core.paths import templates_dir
from mailer.core.settings import Settings
from mailer.delivery import audience
from mailer.issues import archive, lifecycle, yaml_file
from mailer.newsletters import newsletters
from tests.support.make import make_newsletter

FRENCH = {"Accept-Language": "fr"}
LETTER = templates_dir() / "examples" / "lettre" / "lettre.yaml"
ATOM = "{http://www.w3.org/2005/Atom}"
SITE = "http://letters.example.org"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    with transaction() as db:
        make_newsletter(db, description="Chaque mois : des nouvelles.")
    return app.test_client(use_cookies=False)


@pytest.fixture
def issues(client: FlaskClient, settings: Settings) -> list[UUID]:
    """Three that have left, a month apart, the newest first; and a draft."""
    content, assets = yaml_file.load(LETTER)
    ids = []
    with transaction() as db:
        for months, title in enumerate(("L’été à Hénin", "Les œuvres du Pacte", "<Trois> & quatre")):
            issue = lifecycle.import_issue(
                db, content.model_copy(update={"title": title}), assets, now=utcnow()
            )
            lifecycle.schedule(
                db, issue, due_at=utcnow(), approver="terminal", now=utcnow(), settings=settings
            )
            assert audience.freeze(db, issue.id, now=utcnow())
            issue.started_at = utcnow() - timedelta(days=30 * months)
            ids.append(issue.id)
        lifecycle.import_issue(db, content, assets, now=utcnow())
    return ids


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", 3), ("henin", 1), ("HÉNIN", 1), ("oeuvre", 1), ("solidarite", 3), ("quatre -trois", 0),
        ("absinthe", 0), ('" ( & ! :*', 0),
    ],
)  # fmt: skip
def test_the_archive_is_searched_as_one_types(
    client: FlaskClient, issues: list[UUID], words: str, found: int
) -> None:
    page = client.get("/lettre/archive", query_string={"q": words}, headers=FRENCH)
    assert page.status_code == 200
    assert page.text.count("<article") == found


def test_the_archive_has_pages(client: FlaskClient, issues: list[UUID]) -> None:
    with transaction() as db:
        newsletter = newsletters.newsletter(db, "lettre")
        assert newsletter
        pages = [archive.listing(db, newsletter, page=page, size=2) for page in (1, 2, 99, -1)]
    assert [[entry.id for entry in page.entries] for page in pages] == [
        issues[:2],
        issues[2:],
        issues[2:],
        issues[:2],
    ]
    assert {(page.total, page.pages) for page in pages} == {(3, 2)}


def test_the_feed_is_atom(client: FlaskClient, issues: list[UUID]) -> None:
    answer = client.get("/lettre/feed.atom")
    assert answer.mimetype == "application/atom+xml"
    feed = ElementTree.fromstring(answer.data)  # noqa: S314
    assert feed.findtext(f"{ATOM}title") == "La lettre"
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}id") for entry in entries] == [f"urn:uuid:{each}" for each in issues]
    assert entries[2].findtext(f"{ATOM}title") == "<Trois> & quatre"
    link = entries[0].find(f"{ATOM}link")
    assert link is not None
    assert link.get("href") == f"{SITE}/lettre/issues/{issues[0]}"


def test_an_issue_stands_between_its_neighbours(client: FlaskClient, issues: list[UUID]) -> None:
    page = client.get(f"/lettre/issues/{issues[1]}", headers=FRENCH).text
    assert f'rel="prev" href="/lettre/issues/{issues[2]}"' in page
    assert f'rel="next" href="/lettre/issues/{issues[0]}"' in page
    assert '<meta property="og:title" content="Les œuvres du Pacte">' in page
    assert f'<meta property="og:image" content="{SITE}/assets/' in page
    assert page.count("<main") == page.count("</main>") == page.count("<h1") == 1
    assert f'href="{SITE}/preferences"' in page  # the way out of a page that is nobody's


def test_engines_find_what_is_public_and_nothing_else(client: FlaskClient, issues: list[UUID]) -> None:
    sitemap = ElementTree.fromstring(client.get("/sitemap.xml").data)  # noqa: S314
    places = {element.text for element in sitemap.iter() if element.tag.endswith("loc")}
    assert {f"{SITE}/lettre/issues/{each}" for each in issues} < places
    for place in places:
        assert place
        assert client.get(place.removeprefix(SITE), follow_redirects=True).status_code == 200
    robots = client.get("/robots.txt")
    assert robots.mimetype == "text/plain"
    assert f"Sitemap: {SITE}/sitemap.xml" in robots.text
    assert "Disallow: /desk/" in robots.text
    assert client.get("/u/" + "a" * 56).headers["X-Robots-Tag"] == "noindex"


def test_everything_a_page_needs_is_ours(client: FlaskClient) -> None:
    for sheet in (templates_dir() / "web" / "static").glob("*.css"):
        text = Path(sheet).read_text(encoding="utf-8")
        assert "http" not in text.replace("http-equiv", ""), sheet
    with client.get("/static/fonts/source-serif-4-latin-wght-normal.woff2") as font:
        assert font.status_code == 200
