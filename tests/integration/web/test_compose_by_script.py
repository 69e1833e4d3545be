"""The composer's doors as its script speaks with them: JSON, and a name for each outcome."""

import re
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from mailer.core.db import transaction, utcnow
from mailer.core.paths import templates_dir
from mailer.core.settings import settings
from mailer.issues import composing, drafts, lifecycle, presence, yaml_file
from mailer.issues.models import Issue
from mailer.issues.presence import STAYS, Present
from mailer.staff.models import StaffSession
from tests.support import desk_client
from tests.support.desk_rows import make_staff
from tests.support.make import make_newsletter

pytestmark = pytest.mark.usefixtures("clean")
SCRIPT = {"Accept": "application/json", "Accept-Language": "fr"}
LETTER = templates_dir() / "examples" / "lettre" / "lettre.yaml"


@pytest.fixture
def desk(app: Flask) -> FlaskClient:
    client = app.test_client()
    with transaction() as db:
        make_staff(db)
        make_newsletter(db)
    assert desk_client.log_in(client).status_code == 303
    return client


@pytest.fixture
def draft(desk: FlaskClient) -> UUID:
    content, assets = yaml_file.load(LETTER)
    with transaction() as db:
        return lifecycle.import_issue(db, content, assets, now=utcnow()).id


def post(client: FlaskClient, issue_id: UUID, path: str, **data: Any) -> TestResponse:
    token = desk_client.token(client, "/desk/issues/new")
    url = f"/desk/issues/{issue_id}/compose{path}"
    return client.post(url, data={"csrf_token": token, **data}, headers=SCRIPT)


def get(client: FlaskClient, issue_id: UUID, path: str) -> TestResponse:
    return client.get(f"/desk/issues/{issue_id}/compose{path}", headers=SCRIPT)


def heading(issue_id: UUID) -> drafts.Values:
    with transaction() as db:
        blocks = drafts.identified(db.get_one(Issue, issue_id).content)["blocks"]
    return dict(next(block for block in blocks if block["kind"] == "heading"))


def write(client: FlaskClient, issue_id: UUID, block: drafts.Values, text: str) -> TestResponse:
    data = {"kind": "heading", "revision": block["revision"], "text": text}
    return post(client, issue_id, f"/blocks/{block['id']}", **data)


def test_a_save_answers_with_its_revision_its_hour_and_its_line(desk: FlaskClient, draft: UUID) -> None:
    block = heading(draft)
    answer = write(desk, draft, block, "Le focus")
    told = answer.json
    assert told
    assert (told["outcome"], told["block"], told["revision"]) == ("saved", block["id"], block["revision"] + 1)
    assert re.fullmatch(r"Enregistré à \d+ h \d\d", told["told"].replace("\u00a0", " "))
    assert "Le focus" in told["row"]
    assert told["faults"] == {}
    empty = write(desk, draft, heading(draft), "").json
    assert empty
    assert empty["faults"] == {"text": "À remplir avant l’envoi."}
    assert "À compléter" in empty["row"]


def test_the_same_words_twice_are_no_conflict(desk: FlaskClient, draft: UUID) -> None:
    """The answer to the first save was lost, and the browser sends it again."""
    block = heading(draft)
    for _ in range(2):
        answer = write(desk, draft, block, "Le focus").json
        assert answer
        assert (answer["outcome"], answer["revision"]) == ("saved", block["revision"] + 1)
    head = {"revision": 1, "title": "T", "subject": "S", "preheader": "P"}
    assert [post(desk, draft, "/head", **head).status_code for _ in range(2)] == [200, 200]


def test_other_words_are_shown_with_both_versions(desk: FlaskClient, draft: UUID) -> None:
    block = heading(draft)
    write(desk, draft, block, "Les leurs")
    answer = write(desk, draft, block, "Les miennes")
    assert answer.status_code == 409
    assert answer.json
    assert (answer.json["outcome"], answer.json["revision"]) == ("stale", block["revision"] + 1)
    assert "Les leurs" in answer.json["html"]
    assert "Les miennes" in answer.json["html"]
    assert heading(draft)["text"] == "Les leurs"


def test_a_block_that_is_gone_can_be_brought_back(desk: FlaskClient, draft: UUID) -> None:
    block = heading(draft)
    with transaction() as db:
        composing.remove(db, db.get_one(Issue, draft), block["id"], revision=block["revision"])
    answer = write(desk, draft, block, "Toujours là")
    assert answer.json
    assert (answer.status_code, answer.json["outcome"], answer.json["revision"]) == (409, "removed", 0)
    assert get(desk, draft, f"/blocks/{block['id']}").status_code == 404
    form = get(desk, draft, f"/blocks/{block['id']}?kind=heading").json
    assert form
    assert form["revision"] == 0
    back = write(desk, draft, block | {"revision": 0}, "Toujours là").json
    assert back
    assert back["outcome"] == "saved"
    assert back["block"] != block["id"]


def test_what_is_no_draft_any_more_is_told_by_name(desk: FlaskClient, draft: UUID) -> None:
    block = heading(draft)
    with transaction() as db:
        issue = lifecycle.get(db, draft)
        assert issue
        lifecycle.schedule(db, issue, due_at=utcnow(), approver="x", now=utcnow(), settings=settings())
    for answer in (
        write(desk, draft, block, "Trop tard"),
        post(desk, draft, "/head", revision=1, title="Trop tard"),
        post(desk, draft, f"/blocks/{block['id']}/duplicate"),
        get(desk, draft, ""),
    ):
        assert (answer.status_code, answer.json) == (409, {"outcome": "left"})


def test_a_full_letter_is_told_by_name(desk: FlaskClient, draft: UUID) -> None:
    block = heading(draft)
    with transaction() as db:
        issue = db.get_one(Issue, draft)
        composing.remove(db, issue, block["id"], revision=block["revision"])
        while len(drafts.identified(issue.content)["blocks"]) < drafts.MAX_BLOCKS:
            composing.add(db, issue, "divider", after=None)
    answer = write(desk, draft, block | {"revision": 0}, "Une de trop")
    assert (answer.status_code, answer.json) == (409, {"outcome": "full"})


def test_acts_answer_with_the_outline_and_what_happened(desk: FlaskClient, draft: UUID) -> None:
    added = post(desk, draft, "/add", kind="text").json
    assert added
    assert added["block"] in added["outline"]
    moved = post(desk, draft, f"/blocks/{added['block']}/move", place=1, order=2).json
    assert moved
    assert moved["told"] == [{"kind": "success", "text": "Le bloc est maintenant à la place 1."}]
    late = post(desk, draft, f"/blocks/{added['block']}/move", place=2, order=1).json
    assert late
    assert late["told"][0]["text"].startswith("Rien n’a changé")
    page = desk.get(f"/desk/issues/{draft}/compose", headers={"Accept-Language": "fr"}).text
    assert "à la place 1" not in page, "told once"


def test_who_else_is_there_is_told_and_forgotten(desk: FlaskClient, draft: UUID) -> None:
    block = heading(draft)
    first = post(desk, draft, "/presence", tab="aaaa1111", piece=block["id"]).json
    assert first
    assert first["others"] == []
    assert first["pieces"][block["id"]] == block["revision"]
    second = post(desk, draft, "/presence", tab="bbbb2222").json
    assert second
    assert [other["piece"] for other in second["others"]] == [block["id"]]
    assert post(desk, draft, "/presence/left", tab="aaaa1111").status_code == 204
    third = post(desk, draft, "/presence", tab="bbbb2222").json
    assert third
    assert third["others"] == []
    assert post(desk, draft, "/presence", tab="<script>").status_code == 400


def test_somebody_who_went_without_a_word_is_there_no_more(draft: UUID) -> None:
    url, now, nobody = settings().redis_url or "", utcnow(), UUID(int=1)
    presence.arrive(url, draft, "aaaa1111", Present(nobody, ""), now=now - STAYS)
    assert presence.arrive(url, draft, "bbbb2222", Present(nobody, ""), now=now) == [Present(nobody, "")]
    later = now + STAYS / 2
    assert presence.arrive(url, draft, "bbbb2222", Present(nobody, ""), now=later) == []


def test_without_redis_nobody_is_told_of_and_nothing_fails(draft: UUID) -> None:
    away = "redis://127.0.0.1:1/0"
    assert presence.arrive(away, draft, "aaaa1111", Present(UUID(int=1), ""), now=utcnow()) == []
    presence.leave(away, draft, "aaaa1111")


def test_a_page_that_is_open_keeps_no_session_alive(desk: FlaskClient, draft: UUID) -> None:
    with transaction() as db:
        session = db.scalars(select(StaffSession)).one()
        session.seen_at = before = session.seen_at - STAYS
    token = _quiet_token(desk, draft)
    url = f"/desk/issues/{draft}/compose/presence"
    assert desk.post(url, data={"csrf_token": token, "tab": "aaaa1111"}, headers=SCRIPT).status_code == 200
    with transaction() as db:
        assert db.scalars(select(StaffSession)).one().seen_at == before
    write(desk, draft, heading(draft), "Un mot")
    with transaction() as db:
        assert db.scalars(select(StaffSession)).one().seen_at > before


def _quiet_token(client: FlaskClient, issue_id: UUID) -> str:
    """Ask for a token as a script does, which is no act of a person."""
    url = f"/desk/issues/{issue_id}/compose/presence"
    answer = client.get(url, headers=SCRIPT | {"Sec-Fetch-Dest": "empty"})
    assert answer.json
    return str(answer.json["token"])


def test_who_is_signed_out_is_led_to_sign_in(app: Flask, draft: UUID) -> None:
    answer = get(app.test_client(), draft, "")
    assert answer.status_code == 302
    assert "/login" in answer.headers["Location"]
