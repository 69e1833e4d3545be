"""The letter as each screen and each reader has it, and what is shown is what leaves."""

import html
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from mailer.core.db import transaction, utcnow
from mailer.core.paths import templates_dir
from mailer.core.settings import settings
from mailer.issues import lifecycle, render, yaml_file
from mailer.issues.lifecycle import NotReady
from mailer.issues.models import Issue, Revision
from mailer.issues.preview_views import NAMES, PreviewMode, PreviewReader, PreviewView
from mailer.rendering.mjml import compile_holes
from tests.support.make import make_newsletter

LETTER = templates_dir() / "examples" / "lettre" / "lettre.yaml"


@pytest.fixture
def draft(desk: FlaskClient) -> UUID:
    """The example letter, as a draft."""
    content, assets = yaml_file.load(LETTER)
    with transaction() as db:
        make_newsletter(db)
        return lifecycle.import_issue(db, content, assets, now=utcnow()).id


def _revision(issue_id: UUID) -> Revision:
    """Freeze it; what leaves."""
    with transaction() as db:
        issue = lifecycle.get(db, issue_id)
        assert issue
        lifecycle.schedule(db, issue, due_at=utcnow(), approver="x", now=utcnow(), settings=settings())
        return db.get_one(Revision, issue.revision_id)


def test_the_preview_is_byte_for_byte_what_leaves(desk: FlaskClient, draft: UUID) -> None:
    before = desk.get(f"/desk/issues/{draft}/preview").data
    text = desk.get(f"/desk/issues/{draft}/preview?mode=text").text
    render._rendered.cache_clear()
    render._written.cache_clear()  # the freeze makes everything anew
    frozen, view = _revision(draft), PreviewView()
    assert before == view.filled(frozen.html, "fr", escape=True).encode()
    assert before == desk.get(f"/desk/issues/{draft}/preview").data
    shown = html.unescape(text.partition("<pre")[2].partition(">")[2].partition("</pre>")[0])
    assert shown == view.filled(frozen.text, "fr", escape=False)


def test_a_change_in_one_block_gives_the_same_letter_as_made_from_nothing(
    desk: FlaskClient, draft: UUID
) -> None:
    desk.get(f"/desk/issues/{draft}/preview")
    with transaction() as db:
        issue = db.get_one(Issue, draft)
        blocks = [dict(block) for block in issue.content["blocks"]]
        blocks[3]["title"] = "Un autre titre"
        agenda = next(block for block in blocks if block["kind"] == "agenda")
        earlier = agenda | {"id": "one-more", "title": "Encore"}  # its entries take the first numbers
        issue.content = issue.content | {"blocks": [blocks[0], earlier, *blocks[1:]]}
    changed = desk.get(f"/desk/issues/{draft}/preview").data
    render._rendered.cache_clear()
    render._written.cache_clear()
    assert changed == desk.get(f"/desk/issues/{draft}/preview").data
    assert changed.count(b"/agenda/2.ics") == 1


@pytest.mark.parametrize("mode", PreviewMode)
@pytest.mark.parametrize("locale", ["fr", "en"])
def test_each_mode_is_alone_in_its_frame(
    desk: FlaskClient, draft: UUID, mode: PreviewMode, locale: str
) -> None:
    answer = desk.get(f"/desk/issues/{draft}/preview?mode={mode}&lang={locale}")
    assert answer.status_code == 200
    (policy,) = answer.headers.getlist("Content-Security-Policy")
    assert policy.startswith(
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
    assert "script-src" not in policy
    loads = {
        PreviewMode.NO_IMAGES: "img-src 'none'",
        PreviewMode.TEXT: "font-src",
        PreviewMode.READING: "font-src",
    }
    assert loads.get(mode, "img-src http://letters.example.org") in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_dark_colours_are_on_in_the_dark_alone(desk: FlaskClient, draft: UUID) -> None:
    pages = {mode: desk.get(f"/desk/issues/{draft}/preview?mode={mode}").text for mode in PreviewMode}
    assert [mode for mode, page in pages.items() if "@media all {" in page] == [PreviewMode.DARK]
    assert "prefers-color-scheme" in desk.get(f"/desk/issues/{draft}/preview").text


def test_the_letter_reads_as_each_reader_gets_it(desk: FlaskClient, draft: UUID) -> None:
    pages = {
        reader: desk.get(f"/desk/issues/{draft}/preview?mode=text&reader={reader}").text
        for reader in PreviewReader
    }
    assert f"Bonjour {NAMES[PreviewReader.LONG]}," in pages[PreviewReader.LONG]
    assert "Bonjour," in pages[PreviewReader.NAMELESS]
    assert "Camille" not in pages[PreviewReader.NAMELESS]
    assert "Hello Camille Dupont," in pages[PreviewReader.OTHER]
    assert "Unsubscribe" in pages[PreviewReader.OTHER]
    assert "Les conventions d’appui laissent place" in pages[PreviewReader.OTHER]


def test_what_is_frozen_is_shown_in_both_languages_too(desk: FlaskClient, draft: UUID) -> None:
    _revision(draft)
    page = desk.get(f"/desk/issues/{draft}/preview?mode=desktop&reader=other").text
    assert "Hello Camille Dupont," in page
    assert "Bonjour Camille Dupont," in desk.get(f"/desk/issues/{draft}/preview?mode=desktop").text


def test_an_unknown_choice_is_the_usual_one(desk: FlaskClient, draft: UUID) -> None:
    usual = desk.get(f"/desk/issues/{draft}/preview").data
    assert desk.get(f"/desk/issues/{draft}/preview?mode=3d&reader=nobody").data == usual


def test_a_block_has_the_same_modes(desk: FlaskClient, draft: UUID) -> None:
    with transaction() as db:
        article = next(b for b in db.get_one(Issue, draft).content["blocks"] if b["kind"] == "article")
    path = f"/desk/issues/{draft}/compose/blocks/{article['id']}/preview"
    for mode in PreviewMode:
        assert article["title"].upper() in desk.get(f"{path}?mode={mode}").text.upper()


def test_pages_compile_nothing_twice(desk: FlaskClient, draft: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def counted(source: str) -> str:
        compiled.append(source)
        return compile_holes(source)

    monkeypatch.setattr(render, "compile_holes", counted)
    render._rendered.cache_clear()
    modes = [f"/preview?mode={mode}&reader=long" for mode in PreviewMode]
    for path in ("", "/compose", *modes, "/compose", ""):
        assert desk.get(f"/desk/issues/{draft}{path}").status_code == 200
    assert len(compiled) == 1


def test_a_letter_too_large_to_be_made_says_so_everywhere(desk: FlaskClient, draft: UUID) -> None:
    with transaction() as db:
        issue = db.get_one(Issue, draft)
        text = {"kind": "text", "text": "Un mot, et un autre. " * 900}
        issue.content = issue.content | {"blocks": [*issue.content["blocks"], *[text] * 30]}
    for path in ("", "/compose", "/preview", "/preview?mode=reading"):
        page = desk.get(f"/desk/issues/{draft}{path}", headers={"Accept-Language": "fr"})
        assert page.status_code == 200
        assert "Ko" in page.text
        assert "retirez" in page.text.casefold() or path.startswith("/preview")
    with pytest.raises(NotReady):
        _revision(draft)
