"""The history of a letter at the desk: who, when, what, the words, and the way back."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mailer.core.db import transaction, utcnow
from mailer.core.paths import templates_dir
from mailer.core.settings import settings
from mailer.issues import drafts, lifecycle, versions, yaml_file
from mailer.issues.models import Issue
from mailer.privacy.retention import rules
from mailer.privacy.retention.inventory import Keep
from tests.support.desk_client import FRENCH, token
from tests.support.make import EPOCH, make_newsletter

LATER = EPOCH + timedelta(days=60)
LETTER = templates_dir() / "examples" / "lettre" / "lettre.yaml"


@pytest.fixture
def draft(desk: FlaskClient) -> UUID:
    """The example letter, as a draft."""
    content, assets = yaml_file.load(LETTER)
    with transaction() as db:
        make_newsletter(db)
        return lifecycle.import_issue(db, content, assets, now=utcnow()).id


def post(client: FlaskClient, issue_id: UUID, path: str, **data: Any) -> TestResponse:
    values = {"csrf_token": token(client, "/desk/"), **data}
    return client.post(
        f"/desk/issues/{issue_id}/compose/{path}", data=values, headers=FRENCH, follow_redirects=True
    )


def read(client: FlaskClient, issue_id: UUID, path: str) -> str:
    page = client.get(f"/desk/issues/{issue_id}/compose/{path}", headers=FRENCH)
    assert page.status_code == 200
    return flat(page.text)


def flat(page: str) -> str:
    """The text of a page, as it is read."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("\u00a0", " ").split())


def document(issue_id: UUID) -> drafts.Document:
    with transaction() as db:
        return drafts.identified(db.get_one(Issue, issue_id).content)


def write(client: FlaskClient, issue_id: UUID, text: str) -> str:
    """Save the first heading; its id."""
    block = next(each for each in document(issue_id)["blocks"] if each["kind"] == "heading")
    values = {"kind": "heading", "revision": block["revision"], "text": text}
    assert post(client, issue_id, f"blocks/{block['id']}", **values).status_code == 200
    return str(block["id"])


def change(issue_id: UUID, subject: str) -> None:
    """Another subject, by somebody else and at another time."""
    with transaction() as db:
        issue = db.get_one(Issue, issue_id)
        versions.begin(db, issue)
        issue.content = issue.content | {"subject": subject}
        versions.keep(db, issue, by=subject, now=utcnow())


def test_a_letter_that_nobody_changed_has_no_history_yet(desk: FlaskClient, draft: UUID) -> None:
    assert "pas encore d’historique" in read(desk, draft, "history")


def test_each_version_tells_who_and_what(desk: FlaskClient, draft: UUID) -> None:
    write(desk, draft, "Un printemps solidaire")
    post(desk, draft, f"blocks/{document(draft)['blocks'][0]['id']}/move", place=3, order=1)
    page = read(desk, draft, "history")
    assert re.search(r"Version 3 .* · Léa Martin Déplacé En-tête : .*, de la place 1 à la place 3", page)
    assert re.search(r"Version 2 .* · Léa Martin Modifié Titre de rubrique : Un printemps solidaire", page)
    assert re.search(r"Version 1 .* · Version de départ", page)


def test_the_words_that_changed_are_marked_and_said(desk: FlaskClient, draft: UUID) -> None:
    write(desk, draft, "Un hiver solidaire")
    change(draft, "Un < b")
    block = next(each for each in document(draft)["blocks"] if each["kind"] == "heading")
    post(desk, draft, f"blocks/{block['id']}/move", place=1, order=1)
    write(desk, draft, "Un été solidaire")
    assert re.search(r"Titre de la rubrique .*retiré : .* fin du retrait.", read(desk, draft, "history/2"))
    page = desk.get(f"/desk/issues/{draft}/compose/history/5?since=2", headers=FRENCH).text
    assert re.search(r"<del><span[^>]*>[^<]*</span> hiver", page)
    assert re.search(r"<ins><span[^>]*>[^<]*</span> été", page)
    assert "Un &lt; b" in page
    assert desk.get(f"/desk/issues/{draft}/compose/history/99").status_code == 404


def test_a_version_is_put_back_and_nothing_is_lost(desk: FlaskClient, draft: UUID) -> None:
    before = drafts.written(document(draft))
    write(desk, draft, "Autre")
    after = drafts.written(document(draft))
    assert "revenue à la version 1" in post(desk, draft, "history/1/restore").text.replace("\u00a0", " ")
    assert drafts.written(document(draft)) == before
    assert "Version 1 remise en place" in read(desk, draft, "history")
    post(desk, draft, "history/2/restore")
    assert drafts.written(document(draft)) == after
    assert "n’est plus conservée" in post(desk, draft, "history/77/restore").text


def test_undo_and_redo_say_what_they_did(desk: FlaskClient, draft: UUID) -> None:
    before = drafts.written(document(draft))
    assert "rien à annuler" in flat(post(desk, draft, "undo").text)
    block_id = document(draft)["blocks"][2]["id"]
    post(desk, draft, f"blocks/{block_id}/remove", revision=1)
    answer = post(desk, draft, "undo")
    assert "est annulée" in flat(answer.text)
    assert answer.request.path.endswith("/compose")
    assert drafts.written(document(draft)) == before
    assert "est rétablie" in flat(post(desk, draft, "redo").text)
    assert len(document(draft)["blocks"]) == len(before["blocks"]) - 1
    assert "rien à rétablir" in flat(post(desk, draft, "redo").text)


def test_what_somebody_else_changed_since_is_said(desk: FlaskClient, draft: UUID) -> None:
    write(desk, draft, "Le mien")
    with transaction() as db:
        issue = db.get_one(Issue, draft)
        blocks = [b | {"text": "Le leur"} if b["kind"] == "heading" else b for b in issue.content["blocks"]]
        issue.content = issue.content | {"blocks": blocks}
        versions.keep(db, issue, by="terminal", now=utcnow())
    assert "une autre personne a modifié ce passage depuis" in flat(post(desk, draft, "undo").text)


def test_the_buttons_are_there_when_there_is_something_to_take_back(desk: FlaskClient, draft: UUID) -> None:
    def disabled() -> list[str]:
        page = desk.get(f"/desk/issues/{draft}/compose", headers=FRENCH).text
        return re.findall(r"<button[^>]* disabled[^>]*>([^<]+)<", page)

    assert disabled() == ["Annuler", "Rétablir"]
    write(desk, draft, "Autre")
    assert disabled() == ["Rétablir"]
    post(desk, draft, "undo")
    assert disabled() == ["Annuler"]


def test_a_long_history_has_pages(desk: FlaskClient, draft: UUID) -> None:
    for number in range(22):
        change(draft, f"Objet {number}")
    first = read(desk, draft, "history")
    assert "Version 23" in first
    assert "Version 3 " not in first
    assert "Version 3 " in read(desk, draft, "history?below=4")


def test_the_history_of_what_is_scheduled_is_read_and_not_put_back(desk: FlaskClient, draft: UUID) -> None:
    write(desk, draft, "Autre")
    with transaction() as db:
        issue = lifecycle.get(db, draft)
        assert issue
        lifecycle.schedule(db, issue, due_at=utcnow(), approver="x", now=utcnow(), settings=settings())
    assert "Remettre cette version" not in read(desk, draft, "history/1")
    assert "n’est plus un brouillon" in flat(post(desk, draft, "history/1/restore").text)


def test_every_change_of_the_composer_is_a_version(desk: FlaskClient, draft: UUID) -> None:
    """Whatever door changes the letter, the last version is the letter."""
    block_id = document(draft)["blocks"][3]["id"]
    for path, data in (
        ("add", {"kind": "text"}),
        ("head", {"revision": 1, "subject": "Objet"}),
        (f"blocks/{block_id}/duplicate", {}),
        (f"blocks/{block_id}/move", {"place": 1, "order": 3}),
        (f"blocks/{block_id}/remove", {"revision": 1}),
    ):
        post(desk, draft, path, **data)
        with transaction() as db:
            newest = versions.newest(db, draft)
            assert newest
            assert newest.content == drafts.identified(db.get_one(Issue, draft).content), path


def test_the_images_of_an_earlier_version_outlive_the_nights(desk: FlaskClient, draft: UUID) -> None:
    """No rule of retention deletes what a version can still be put back with."""
    content, assets = yaml_file.load(LETTER)
    with transaction() as db:
        issue = lifecycle.get(db, draft)
        assert issue
        bare = content.model_copy(update={"blocks": content.blocks[2:3]})
        lifecycle.edit(db, issue, bare, {}, by="terminal", now=utcnow())
    others = [rule for rule in rules.RULES if rule.name != Keep.STAFF_SESSIONS]
    assert not any(result.failed for result in rules.run(others, dry=False, clock=lambda: LATER))
    post(desk, draft, "history/1/restore")
    with transaction() as db:
        restored = db.get_one(Issue, draft)
        assert drafts.strict(restored.content) == content
        assert set(restored.assets) == set(assets)
    assert desk.get(f"/desk/issues/{draft}/preview").status_code == 200
