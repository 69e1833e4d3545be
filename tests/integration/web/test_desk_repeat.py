"""A block of the last issue is taken over into a draft: its words and images, without its dates."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mailer.core.db import transaction, utcnow
from mailer.core.paths import templates_dir
from mailer.issues import drafts, lifecycle, starting, versions, yaml_file
from mailer.issues.blocks import Content
from mailer.issues.drafts import Values
from mailer.issues.models import Issue
from tests.support.desk_client import FRENCH, token
from tests.support.make import EPOCH, make_newsletter

LETTER = templates_dir() / "examples" / "lettre" / "lettre.yaml"


@pytest.fixture
def content() -> Content:
    return yaml_file.load(LETTER)[0]


@pytest.fixture
def draft(desk: FlaskClient) -> UUID:
    """An empty draft; the example letter was the issue before it."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        lifecycle.import_issue(db, *yaml_file.load(LETTER), now=EPOCH)
        made = starting.empty(db, newsletter, now=EPOCH + timedelta(days=30))
        made.content = made.content | {"blocks": []}
        return made.id


def take(client: FlaskClient, issue_id: UUID, kind: str, **data: Any) -> TestResponse:
    block = next((b["id"] for b in _last(issue_id) if b["kind"] == kind), "none")
    values = {"csrf_token": token(client, "/desk/"), "block": block, **data}
    path = f"/desk/issues/{issue_id}/compose/repeat"
    return client.post(path, data=values, headers=FRENCH, follow_redirects=True)


def _last(issue_id: UUID) -> list[Values]:
    with transaction() as db:
        other = next(each for each in lifecycle.listing(db) if each.id != issue_id)
        return list(drafts.identified(other.content)["blocks"])


def issue(issue_id: UUID) -> Issue:
    with transaction() as db:
        return db.get_one(Issue, issue_id)


def test_the_page_of_kinds_lists_what_the_last_issue_had(desk: FlaskClient, draft: UUID) -> None:
    page = desk.get(f"/desk/issues/{draft}/compose/add", headers=FRENCH).text.replace("\u00a0", " ")
    assert "Reprendre un bloc du dernier numéro" in page
    assert "Agenda : À vos agendas !" in page
    assert page.count(">Reprendre<") == len(_last(draft))


def test_the_first_issue_has_none_to_take_from(desk: FlaskClient) -> None:
    with transaction() as db:
        first = starting.empty(db, make_newsletter(db), now=utcnow()).id
    assert "Reprendre" not in desk.get(f"/desk/issues/{first}/compose/add", headers=FRENCH).text


def test_words_and_images_are_taken_over(desk: FlaskClient, draft: UUID, content: Content) -> None:
    for kind in ("colophon", "editorial"):
        assert "repris du dernier numéro" in take(desk, draft, kind).text
    made = issue(draft)
    wanted = [next(b for b in content.blocks if b.kind == kind) for kind in ("colophon", "editorial")]
    assert drafts.written(made.content)["blocks"] == [
        drafts.written_block(block.model_dump(mode="json")) for block in wanted
    ]
    (portrait,) = drafts.pictures(made.content)
    assert portrait["src"] in made.assets
    assert desk.get(f"/desk/issues/{draft}/preview").status_code == 200
    with transaction() as db:
        newest = versions.newest(db, draft)
        assert newest
        assert newest.content == made.content


def test_an_image_of_the_same_name_stays_another(desk: FlaskClient, draft: UUID) -> None:
    src = next(block for block in _last(draft) if block["kind"] == "editorial")["portrait"]["src"]
    other = "0" * 64 + ".png"
    with transaction() as db:
        db.get_one(Issue, draft).assets = {src: other}
    take(desk, draft, "editorial")
    made = issue(draft)
    taken = made.content["blocks"][-1]["portrait"]["src"]
    assert taken == src.replace(".png", "-2.png")
    assert made.assets[src] == other
    assert made.assets[taken] != other
    take(desk, draft, "editorial")
    assert issue(draft).content["blocks"][-1]["portrait"]["src"] == taken


def test_what_is_dated_loses_its_dates_and_asks_to_be_read(desk: FlaskClient, draft: UUID) -> None:
    take(desk, draft, "call")
    block = issue(draft).content["blocks"][-1]
    assert block["review"]
    assert "deadline" not in block


def test_it_comes_after_the_block_it_was_asked_for(desk: FlaskClient, draft: UUID) -> None:
    take(desk, draft, "heading")
    take(desk, draft, "colophon")
    after = issue(draft).content["blocks"][0]["id"]
    take(desk, draft, "editorial", after=after)
    assert [b["kind"] for b in issue(draft).content["blocks"]] == ["heading", "editorial", "colophon"]


def test_what_is_no_longer_there_is_not_taken(desk: FlaskClient, draft: UUID) -> None:
    assert "Rien n’a changé" in take(desk, draft, "none").text
    with transaction() as db:
        newsletter = make_newsletter(db, slug="autre")
        alone = starting.empty(db, newsletter, now=utcnow()).id
    assert "Rien n’a changé" in take(desk, alone, "article").text  # it belongs to another newsletter
    assert [b["kind"] for b in issue(alone).content["blocks"]] == ["masthead", "colophon"]
