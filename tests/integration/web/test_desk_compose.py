"""A letter written at the desk: what is typed is kept, and nothing is written over unseen."""

import io
import re
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.paths import templates_dir
from mailer.core.settings import settings
from mailer.issues import drafts, fields, lifecycle, yaml_file
from mailer.issues.blocks import KINDS
from mailer.issues.models import Issue, Revision
from mailer.issues.state_machine import IssueState
from tests.support.desk_rows import make_staff
from tests.support.make import make_newsletter

pytestmark = pytest.mark.usefixtures("clean")
FRENCH = {"Accept-Language": "fr"}
LETTER = templates_dir() / "examples" / "lettre" / "lettre.yaml"


@pytest.fixture
def desk(app: Flask) -> FlaskClient:
    """A client that is logged in, and a newsletter."""
    client = app.test_client()
    with transaction() as db:
        make_staff(db)
        make_newsletter(db)
    page = client.get("/login").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    data = {"email": "lea@example.org", "password": "quatre mots bien choisis", "csrf_token": token[1]}
    assert client.post("/login", data=data).status_code == 303
    return client


@pytest.fixture
def draft(desk: FlaskClient) -> UUID:
    """The example letter, as a draft."""
    content, assets = yaml_file.load(LETTER)
    with transaction() as db:
        return lifecycle.import_issue(db, content, assets, now=utcnow()).id


def post(client: FlaskClient, path: str, **data: Any) -> TestResponse:
    page = client.get("/desk/issues/new", headers=FRENCH).text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    return client.post(path, data={"csrf_token": token[1], **data}, headers=FRENCH)


def schedule(issue_id: UUID) -> None:
    with transaction() as db:
        issue = lifecycle.get(db, issue_id)
        assert issue
        lifecycle.schedule(db, issue, due_at=utcnow(), approver="x", now=utcnow(), settings=settings())


def document(issue_id: UUID) -> drafts.Document:
    with transaction() as db:
        return drafts.identified(db.get_one(Issue, issue_id).content)


def kinds(issue_id: UUID) -> list[str]:
    return [block["kind"] for block in document(issue_id)["blocks"]]


def newest() -> UUID:
    with transaction() as db:
        return db.scalars(select(Issue.id).order_by(Issue.created_at.desc())).first() or pytest.fail("none")


def flat(values: Any, prefix: str = "") -> dict[str, str]:
    """The fields of a form that hold these values, as a browser sends them."""
    if isinstance(values, dict):
        pairs: Any = values.items()
    elif isinstance(values, list):
        pairs = enumerate(values)
    else:
        return {} if values is False else {prefix: "yes" if values is True else str(values)}
    found: dict[str, str] = {}
    for name, value in pairs:
        found |= flat(value, f"{prefix}.{name}" if prefix else str(name))
    return found


def save(client: FlaskClient, issue_id: UUID, block: drafts.Values, **changes: Any) -> TestResponse:
    values = {"kind": block["kind"], "revision": block["revision"]} | changes
    return post(client, f"/desk/issues/{issue_id}/compose/blocks/{block['id']}", **flat(values))


def test_the_example_is_rebuilt_from_nothing_block_for_block(desk: FlaskClient) -> None:
    content, _assets = yaml_file.load(LETTER)
    assert post(desk, "/desk/issues/new/empty", newsletter="lettre").status_code == 303
    issue_id = newest()
    assert kinds(issue_id) == ["masthead", "colophon"]
    for block in document(issue_id)["blocks"]:
        post(desk, f"/desk/issues/{issue_id}/compose/blocks/{block['id']}/remove", revision=block["revision"])
    for values in drafts.written(content.dump())["blocks"]:
        post(desk, f"/desk/issues/{issue_id}/compose/add", kind=values["kind"])
        block = document(issue_id)["blocks"][-1]
        picture = next((name for name in drafts.PICTURES if name in values), None)
        files = {}
        if picture:
            src = values[picture].pop("src")
            path = LETTER.parent / src
            files[f"{picture}.src"] = (io.BytesIO(path.read_bytes()), path.name)
        answer = save(desk, issue_id, block, **values)
        if picture:
            block = document(issue_id)["blocks"][-1]
            filled = flat({"kind": block["kind"], "revision": block["revision"]} | values)
            answer = post(desk, f"/desk/issues/{issue_id}/compose/blocks/{block['id']}", **filled, **files)
        assert answer.status_code == 303, answer.text
        assert "checked" not in answer.headers["Location"], values
    head = {name: drafts.written(content.dump())[name] for name in fields.HEAD}
    post(desk, f"/desk/issues/{issue_id}/compose/head", revision=document(issue_id)["revision"], **head)
    made = drafts.strict(document(issue_id))
    assert made.blocks == content.blocks
    assert made.model_copy(update={"demonstration": True}) == content


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_added_shown_and_says_what_is_missing(desk: FlaskClient, draft: UUID, kind: str) -> None:
    post(desk, f"/desk/issues/{draft}/compose/add", kind=kind)
    block = document(draft)["blocks"][-1]
    for locale in ("fr", "en"):
        page = desk.get(f"/desk/issues/{draft}/compose/blocks/{block['id']}?checked=1&lang={locale}")
        assert page.status_code == 200
        assert ("field-error" in page.text) == (kind != "divider")
    assert desk.get(f"/desk/issues/{draft}/compose/blocks/{block['id']}/preview").status_code == 200
    page = desk.get(f"/desk/issues/{draft}/compose", headers=FRENCH)
    assert ("À compléter" in page.text) == (kind != "divider")
    assert desk.get(f"/desk/issues/{draft}/preview").status_code == 200


def test_the_page_of_an_issue_names_each_field_that_is_missing(desk: FlaskClient, draft: UUID) -> None:
    post(desk, f"/desk/issues/{draft}/compose/head", revision=document(draft)["revision"], title="Un titre")
    post(desk, f"/desk/issues/{draft}/compose/add", kind="agenda")
    page = desk.get(f"/desk/issues/{draft}", headers=FRENCH).text.replace("\u00a0", " ")
    for name in ("Objet", "Aperçu", "Titre", "Rendez-vous"):
        assert f"<span>{name} : À remplir avant l’envoi.</span>" in page, name
    assert "champ obligatoire manquant" not in page


def test_what_is_half_written_and_wrong_is_kept_as_it_was_typed(desk: FlaskClient, draft: UUID) -> None:
    agenda = next(block for block in document(draft)["blocks"] if block["kind"] == "agenda")
    typed = {"title": "", "entries": [{"date": "le 31", "start": "matin", "title": "Une réunion"}]}
    answer = save(desk, draft, agenda, **typed)
    assert "checked=1" in answer.headers["Location"]
    kept = drafts.block_of(document(draft), agenda["id"])
    assert kept == {
        "id": agenda["id"], "revision": 2, "kind": "agenda",
        "entries": [{"date": "le 31", "start": "matin", "title": "Une réunion"}],
    }  # fmt: skip
    page = desk.get(answer.headers["Location"], headers=FRENCH).text
    assert 'value="le 31"' in page
    assert "Donnez un jour, comme 2026-12-31." in page
    assert "À remplir avant l’envoi." in page
    with pytest.raises(lifecycle.NotReady):
        schedule(draft)


def test_a_table_is_typed_pasted_and_never_cut(desk: FlaskClient, draft: UUID) -> None:
    post(desk, f"/desk/issues/{draft}/compose/add", kind="table")
    block = document(draft)["blocks"][-1]
    path = f"/desk/issues/{draft}/compose/blocks/{block['id']}"
    wide = "\t".join("abcdefg")
    data = {"kind": "table", "revision": 1, "caption": "Places", "rows.0.0": "Lieu", "rows.paste": wide}
    answer = post(desk, path, **data)
    kept = drafts.block_of(document(draft), block["id"])
    assert kept
    assert kept["rows"] == [["Lieu"], list("abcdefg")]
    page = desk.get(answer.headers["Location"], headers=FRENCH).text
    assert 'name="rows.1.6" value="g"' in page
    assert "un titre à chaque colonne" in page.replace("\u00a0", " ")
    typed = {f"rows.{row}.{column}": f"{row}{column}" for row in range(3) for column in range(2)}
    answer = post(desk, path, kind="table", revision=2, caption="Places", **typed)
    assert "checked" not in answer.headers["Location"]
    assert drafts.strict(document(draft)).blocks[-1].model_dump()["rows"] == (
        ("00", "01"), ("10", "11"), ("20", "21"),
    )  # fmt: skip


def test_a_stale_save_shows_mine_and_theirs_and_writes_nothing(desk: FlaskClient, draft: UUID) -> None:
    heading = next(block for block in document(draft)["blocks"] if block["kind"] == "heading")
    assert save(desk, draft, heading, text="Le leur").status_code == 303
    answer = save(desk, draft, heading, text="Le mien")
    assert answer.status_code == 409
    assert 'value="Le mien"' in answer.text
    assert "Le leur" in answer.text
    assert drafts.block_of(document(draft), heading["id"]) == heading | {"revision": 2, "text": "Le leur"}
    revision = re.search(r'name="revision" value="(\d+)"', answer.text)
    assert revision
    assert save(desk, draft, heading | {"revision": revision[1]}, text="Le mien").status_code == 303
    assert drafts.block_of(document(draft), heading["id"]) == heading | {"revision": 3, "text": "Le mien"}


def test_another_block_may_change_meanwhile(desk: FlaskClient, draft: UUID) -> None:
    first, second = [block for block in document(draft)["blocks"] if block["kind"] == "heading"][:2]
    assert save(desk, draft, first, text="Un").status_code == 303
    assert save(desk, draft, second, text="Deux").status_code == 303


def test_a_block_removed_while_one_writes_comes_back_with_what_was_typed(
    desk: FlaskClient, draft: UUID
) -> None:
    heading = next(block for block in document(draft)["blocks"] if block["kind"] == "heading")
    path = f"/desk/issues/{draft}/compose/blocks/{heading['id']}"
    post(desk, f"{path}/remove", revision=1)
    answer = save(desk, draft, heading, text="Le mien")
    assert answer.status_code == 409
    assert "a été retiré" in answer.text
    assert 'name="revision" value="0"' in answer.text
    assert save(desk, draft, heading | {"revision": 0}, text="Le mien").status_code == 303
    back = document(draft)["blocks"][-1]
    assert back == heading | {"id": back["id"], "text": "Le mien"}
    late = save(desk, draft, heading, text="D’un troisième onglet")
    assert late.status_code == 409
    assert document(draft)["blocks"][-1] == back


def test_the_head_is_compared_too(desk: FlaskClient, draft: UUID) -> None:
    path = f"/desk/issues/{draft}/compose/head"
    assert post(desk, path, revision=1, title="a", subject="Le leur", preheader="p").status_code == 303
    answer = post(desk, path, revision=1, title="a", subject="Le mien", preheader="p")
    assert answer.status_code == 409
    assert 'value="Le mien"' in answer.text
    assert "Le leur" in answer.text
    assert document(draft)["subject"] == "Le leur"


def test_blocks_move_are_doubled_removed_and_put_back(desk: FlaskClient, draft: UUID) -> None:
    before = kinds(draft)
    base, blocks = f"/desk/issues/{draft}/compose", document(draft)["blocks"]
    post(desk, f"{base}/blocks/{blocks[1]['id']}/move", place=1, order=1)
    assert kinds(draft) == [before[1], before[0], *before[2:]]
    stale = post(desk, f"{base}/blocks/{blocks[1]['id']}/move", place=9, order=1)
    assert stale.status_code == 303
    assert kinds(draft) == [before[1], before[0], *before[2:]]
    post(desk, f"{base}/blocks/{blocks[1]['id']}/move", place=2, order=2)
    assert kinds(draft) == before
    post(desk, f"{base}/blocks/{blocks[2]['id']}/duplicate")
    assert kinds(draft) == [*before[:3], before[2], *before[3:]]
    post(desk, f"{base}/blocks/{blocks[2]['id']}/remove", revision=1)
    assert kinds(draft) == before
    post(desk, f"{base}/undo")
    assert [block["id"] for block in document(draft)["blocks"]][2] == blocks[2]["id"]


def test_nothing_of_a_scheduled_issue_changes_and_what_was_typed_stays(
    desk: FlaskClient, draft: UUID
) -> None:
    heading = next(block for block in document(draft)["blocks"] if block["kind"] == "heading")
    before = document(draft)
    schedule(draft)
    page = desk.get(f"/desk/issues/{draft}/compose", headers=FRENCH)
    assert "Annuler la programmation" in page.text
    answer = save(desk, draft, heading, text="Trop tard")
    assert answer.status_code == 409
    assert 'value="Trop tard"' in answer.text
    assert post(desk, f"/desk/issues/{draft}/compose/head", revision=1, title="Trop tard").status_code == 409
    for act, data in (
        (f"blocks/{heading['id']}/remove", {"revision": 1}),
        (f"blocks/{heading['id']}/duplicate", {}),
        (f"blocks/{heading['id']}/move", {"place": 1, "order": 1}),
        ("add", {"kind": "text"}),
        ("undo", {}),
        ("redo", {}),
        ("history/1/restore", {}),
    ):
        assert post(desk, f"/desk/issues/{draft}/compose/{act}", **data).status_code == 303
    assert document(draft) == before


def _photograph(width: int, kind: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, width // 2)).convert("RGB").save(file, kind)
    return file.getvalue()


def test_an_image_is_made_fit_and_needs_its_words(desk: FlaskClient, draft: UUID) -> None:
    post(desk, f"/desk/issues/{draft}/compose/add", kind="image")
    block = document(draft)["blocks"][-1]
    path = f"/desk/issues/{draft}/compose/blocks/{block['id']}"
    file = (io.BytesIO(_photograph(2000)), "Été à Lille (1).JPG")
    answer = post(desk, path, kind="image", revision=1, **{"image.src": file})
    assert "checked=1" in answer.headers["Location"]
    assert "cochez « image décorative »" in desk.get(answer.headers["Location"]).text.replace("\u00a0", " ")
    with transaction() as db:
        issue = db.get_one(Issue, draft)
        assert issue.assets["images/ete-a-lille-1.jpg"].endswith(".jpg")
    filled = {"image.src": "images/ete-a-lille-1.jpg", "image.decorative": "yes"}
    answer = post(desk, path, kind="image", revision=2, **filled)
    assert "checked" not in answer.headers["Location"]
    assert drafts.strict(document(draft)).images()[-1].decorative


def test_a_form_names_no_picture_of_another_issue(desk: FlaskClient, draft: UUID) -> None:
    article = next(block for block in document(draft)["blocks"] if block["kind"] == "article")
    save(desk, draft, article, title="t", text="t", image={"src": "images/other.png", "alt": "x"})
    kept = drafts.block_of(document(draft), article["id"])
    assert kept
    assert kept["image"] == {"alt": "x"}
    assert desk.get(f"/desk/issues/{draft}/preview").status_code == 200


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("tract.png", b"%PDF-1.7 no picture", "c’est un PDF"),
        ("dessin.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "exportez le dessin en PNG"),
    ],
)
def test_a_file_that_is_no_image_loses_nothing_of_the_rest(
    desk: FlaskClient, draft: UUID, name: str, body: bytes, said: str
) -> None:
    article = next(block for block in document(draft)["blocks"] if block["kind"] == "article")
    path = f"/desk/issues/{draft}/compose/blocks/{article['id']}"
    data = {"kind": "article", "revision": 1, "title": "Gardé", "text": "Gardé aussi."}
    answer = post(desk, path, **data, **{"image.src": (io.BytesIO(body), name)})
    assert answer.status_code == 422
    assert said in answer.text.replace("\u00a0", " ")
    kept = drafts.block_of(document(draft), article["id"])
    assert kept
    assert (kept["title"], kept["text"]) == ("Gardé", "Gardé aussi.")
    assert 'name="revision" value="2"' in answer.text


def test_the_next_issue_follows_the_last(desk: FlaskClient, draft: UUID) -> None:
    assert post(desk, "/desk/issues/new/last", newsletter="lettre").status_code == 303
    made = document(newest())
    assert made["number"] == "Numéro 2"
    assert (made["blocks"][0]["number"], made["blocks"][0]["date"]) == ("Numéro 2", "février 2024")
    assert "subject" not in made
    marked = [block["kind"] for block in made["blocks"] if block.get("review")]
    assert marked == ["report", "report", "report", "agenda", "call"]
    page = desk.get(f"/desk/issues/{newest()}/compose", headers=FRENCH).text
    assert page.count("À relire") == 5
    assert "À compléter : Date limite." in page.replace("\u00a0", " ")


@pytest.mark.parametrize("finished", [True, False])
def test_an_export_imports_again_as_the_same_content(desk: FlaskClient, draft: UUID, finished: bool) -> None:
    if not finished:
        post(desk, f"/desk/issues/{draft}/compose/add", kind="call")
        block = document(draft)["blocks"][-1]
        save(desk, draft, block, title="02", deadline="demain", text="un\n\n- deux : trois")
    archive = desk.get(f"/desk/issues/{draft}/export.zip")
    assert archive.mimetype == "application/zip"
    file = (io.BytesIO(archive.data), "numero.zip")
    assert post(desk, "/desk/issues/new/file", file=file).status_code == 303
    again = newest()
    assert again != draft
    assert drafts.written(document(again)) == drafts.written(document(draft))
    with transaction() as db:
        assert db.get_one(Issue, again).assets == db.get_one(Issue, draft).assets
    assert desk.get(f"/desk/issues/{again}/export.zip").data == archive.data


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("a.zip", b"PK\x03\x04 broken", "ne s’ouvre pas"),
        ("a.yaml", b"newsletter: lettre\nblocks:\n  - kind: txt\n", "a.yaml, ligne 3"),
        ("a.yaml", b"newsletter: autre\n", "autre"),
        ("a.yaml", b"- a\n", "doit être une liste de champs"),
        ("a.yaml", b"newsletter: lettre\nblocks:\n  - {kind: image, image: {src: ../x.png}}\n", "dossier"),
    ],
)
def test_a_file_that_cannot_be_taken_says_why(desk: FlaskClient, name: str, body: bytes, said: str) -> None:
    answer = post(desk, "/desk/issues/new/file", file=(io.BytesIO(body), name))
    assert answer.status_code == 422
    assert said in answer.text


def test_hostile_words_stay_words(desk: FlaskClient, draft: UUID) -> None:
    hostile = "<script>alert(1)</script>{{ 7*7 }}]]><mj-raw>\"'&amp;\u202e😀"
    heading = next(block for block in document(draft)["blocks"] if block["kind"] == "heading")
    save(desk, draft, heading, text=hostile)
    for path in ("compose", f"compose/blocks/{heading['id']}?checked=1", "preview"):
        page = desk.get(f"/desk/issues/{draft}/{path}")
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<mj-raw>" not in page.text
    assert (drafts.block_of(document(draft), heading["id"]) or {})["text"] == hostile


def test_each_change_is_in_the_audit(desk: FlaskClient, draft: UUID) -> None:
    post(desk, f"/desk/issues/{draft}/compose/add", kind="text")
    post(desk, f"/desk/issues/{draft}/compose/undo")
    post(desk, "/desk/issues/new/last", newsletter="lettre")
    with transaction() as db:
        told = [(each.what, each.details["issue"]) for each in db.scalars(select(Audit).order_by(Audit.id))]
        edit = ("issue edit", str(draft))
        assert told == [edit, edit, ("issue create", str(newest()))]


def test_what_is_saved_as_one_types_is_one_line_of_the_audit(desk: FlaskClient, draft: UUID) -> None:
    for words in ("Un", "Un hiver", "Un hiver doux"):
        block = next(each for each in document(draft)["blocks"] if each["kind"] == "article")
        assert save(desk, draft, block, title=words).status_code == 303
    with transaction() as db:
        assert db.scalars(select(Audit.what)).all() == ["issue edit"]


def test_what_is_frozen_holds_nothing_of_the_draft_s_own(desk: FlaskClient, draft: UUID) -> None:
    schedule(draft)
    with transaction() as db:
        issue = db.get_one(Issue, draft)
        revision = db.get_one(Revision, issue.revision_id)
        assert revision.content == yaml_file.load(LETTER)[0].dump()
        assert issue.state is IssueState.SCHEDULED
