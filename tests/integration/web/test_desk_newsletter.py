"""A newsletter at the desk: how it presents itself, its logo, a sample, and who reads its tests."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.issues import lifecycle, starting
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.newsletters.models import Newsletter
from mailer.notices import models, testers
from mailer.subscribers import subscriptions
from mailer.subscribers.consent import wordings
from mailer.subscribers.consent.models import ConsentPayload, Wording
from tests.support.desk_client import FRENCH, token
from tests.support.desk_rows import EMAIL, make_issue
from tests.support.make import make_newsletter, make_pending

PAGE = "/desk/newsletters/lettre"
KEPT = ("name", "description", "locale", "theme", "legal_basis", "accent", "ground", "from_name",
        "from_address", "reply_to", "signature", "footer")  # fmt: skip


@pytest.fixture(autouse=True)
def letter(desk: FlaskClient) -> None:
    with transaction() as db:
        make_newsletter(db)


def _now() -> Newsletter:
    with transaction() as db:
        return db.scalars(select(Newsletter)).one()


def _post(desk: FlaskClient, path: str = PAGE, **data: Any) -> TestResponse:
    values = {"csrf_token": token(desk, PAGE)} | data
    return desk.post(path, data=values, headers=FRENCH)


def _save(desk: FlaskClient, path: str = PAGE, **changes: Any) -> TestResponse:
    now = _now()
    form = {name: getattr(now, name) for name in KEPT} | {"revision": now.revision}
    return _post(desk, path, **(form | changes))


def _picture(width: int, height: int) -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "#1d5b4f").save(file, "PNG")
    return io.BytesIO(file.getvalue())


def test_everything_that_a_newsletter_shows_of_itself_is_changed_here(desk: FlaskClient) -> None:
    changes = {
        "name": "La lettre de l’hiver", "description": "Chaque mois.", "locale": "en", "theme": "dsfr",
        "legal_basis": "public_task", "accent": "#7C2D92", "ground": "#eef", "from_name": "L’équipe",
        "from_address": "hiver@example.org", "reply_to": "reponses@example.org",
        "signature": "L’équipe\r\nde l’hiver", "footer": "Imprimez peu.",
        "rubrics.0.kind": "article", "rubrics.0.title": "À la une", "rubrics.2.kind": "agenda",
        "rubrics.2.title": "Vos dates",
    }  # fmt: skip
    assert _save(desk, **changes).status_code == 303
    now = _now()
    assert (now.name, now.accent, now.ground) == ("La lettre de l’hiver", "#7c2d92", "#eeeeff")
    assert now.signature == "L’équipe\nde l’hiver"
    assert now.rubrics == [
        {"kind": "article", "title": "À la une"}, {"kind": "agenda", "title": "Vos dates"},
    ]  # fmt: skip
    assert now.revision == 2
    page = desk.get(PAGE, headers=FRENCH).text
    assert all(value in page for value in ("La lettre de l’hiver", "#7c2d92", "À la une", "Imprimez peu."))
    with transaction() as db:
        [line] = db.scalars(select(Audit).where(Audit.what == "newsletter edit"))
        assert "from_address" in line.details["changed"]
        assert "hiver@example.org" not in str(line.details)


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(desk: FlaskClient) -> None:
    answer = _save(desk, accent="#ff9900", signature="Des mots à garder", name="")
    assert answer.status_code == 422
    assert "2,04 pour 1" in answer.text.replace("\u00a0", " ")
    assert "Des mots à garder" in answer.text
    assert _now().signature == ""


def test_two_people_lose_nothing(desk: FlaskClient) -> None:
    first = _now().revision
    assert _save(desk, signature="La version de l’une").status_code == 303
    answer = _save(desk, signature="La version de l’autre", revision=first)
    assert answer.status_code == 409
    assert "La version de l’une" in answer.text
    assert "La version de l’autre" in answer.text
    again = re.search(r'name="revision" value="(\d+)"', answer.text)
    assert again
    assert _save(desk, signature="Les deux", revision=again[1]).status_code == 303
    assert _now().signature == "Les deux"


def test_the_sender_stays_while_an_issue_is_being_sent(desk: FlaskClient) -> None:
    with transaction() as db:
        issue_id = make_issue(db, db.scalars(select(Newsletter)).one(), IssueState.SENDING)
    answer = _save(desk, from_address="autre@example.org", accent="#7c2d92")
    assert answer.status_code == 422
    assert "en cours d’envoi" in answer.text
    assert _save(desk, accent="#7c2d92").status_code == 303  # what is frozen does not change with it
    with transaction() as db:
        db.get_one(Issue, issue_id).state = IssueState.CLOSED
    assert _save(desk, from_address="autre@example.org").status_code == 303


def test_the_sample_shows_what_is_typed_and_keeps_none_of_it(desk: FlaskClient) -> None:
    answer = _save(desk, f"{PAGE}/sample", accent="#7c2d92", ground="bad", signature="<b>Nous</b>")
    assert answer.status_code == 200
    assert "#7c2d92" in answer.text
    assert "&lt;b&gt;Nous" in answer.text
    assert "@media not all" in answer.text
    dark = _save(desk, f"{PAGE}/sample", scheme="dark").text
    assert "@media all" in dark
    assert _now().accent == ""
    assert desk.get(f"{PAGE}/sample").status_code == 200


def test_a_logo_is_checked_shown_and_removed(desk: FlaskClient) -> None:
    def send(body: io.BytesIO, name: str) -> TestResponse:
        return _post(desk, f"{PAGE}/logo", revision=_now().revision, logo=(body, name))

    send(io.BytesIO(b"%PDF-1.7"), "logo.png")
    assert "n’a pas été prise" in desk.get(PAGE, headers=FRENCH).text
    assert _now().logo == ""
    assert send(_picture(900, 300), "logo.png").status_code == 303
    logo = _now().logo
    assert desk.get(f"/assets/{logo}").status_code == 200
    sample = desk.get(f"{PAGE}/sample").text
    assert logo in sample
    assert 'alt="La lettre"' in sample
    assert _post(desk, f"{PAGE}/logo/remove", revision=_now().revision).status_code == 303
    assert _now().logo == ""


def test_another_name_changes_the_wording_and_no_proof(desk: FlaskClient) -> None:
    with transaction() as db:
        of = db.scalars(select(Newsletter)).one()
        wording = wordings.current_wording(of.name, settings().controller_name, "fr")
        pending = make_pending(db, of, now=utcnow(), wording=wording)
        subscriptions.confirm(db, pending.id, wording=wording, now=utcnow())
    _save(desk, name="La lettre de l’hiver")
    assert "«\u00a0La lettre de l’hiver\u00a0» par courriel" in desk.get("/lettre/", headers=FRENCH).text
    with transaction() as db:
        hashes = set(db.scalars(select(ConsentPayload.wording_sha256)))
        texts = {db.get_one(Wording, sha256).text for sha256 in hashes}
    assert texts == {wording.text}


def test_an_empty_issue_begins_with_the_rubrics(desk: FlaskClient) -> None:
    _save(desk, **{"rubrics.0.kind": "heading", "rubrics.0.title": "À la une", "rubrics.1.kind": "article"})
    with transaction() as db:
        made = starting.empty(db, db.scalars(select(Newsletter)).one(), now=utcnow())
        blocks = [(block["kind"], block.get("text")) for block in made.content["blocks"]]
    assert blocks == [("masthead", None), ("heading", "À la une"), ("article", None), ("colophon", None)]


def test_a_kind_of_block_that_is_none_is_refused(desk: FlaskClient) -> None:
    assert _save(desk, **{"rubrics.0.kind": "iframe"}).status_code == 422


def test_a_newsletter_is_created(desk: FlaskClient) -> None:
    new = "/desk/newsletters/new"
    assert _post(desk, new, name="Appels", slug="rights").status_code == 422
    assert _post(desk, new, name="Appels", slug="lettre").status_code == 422
    assert _post(desk, new, name="", slug="appels").status_code == 422
    for domain in ("un domaine", "x@example.org", "example.org\r\nBcc: x@example.org", "localhost"):
        wrong = _post(desk, new, name="Appels", slug="appels", return_path_domain=domain)
        assert wrong.status_code == 422
        assert "n’est pas un nom de domaine" in wrong.text
    assert _post(desk, new, name="Appels", slug="appels").status_code == 303
    assert desk.get("/desk/newsletters/appels").status_code == 200
    assert desk.get("/desk/newsletters/nulle-part").status_code == 404


def test_testers_are_added_and_removed(desk: FlaskClient) -> None:
    path = f"{PAGE}/testers"
    assert _post(desk, path, email="pas une adresse").status_code == 422
    assert _post(desk, path, email=EMAIL).status_code == 303
    assert _post(desk, path, email="relectrice@example.net").status_code == 303
    page = desk.get(PAGE, headers=FRENCH).text
    assert "relectrice@example.net" in page
    assert "Confirmation demandée" in page
    with transaction() as db:
        listed = testers.of_newsletter(db, db.scalars(select(Newsletter.id)).one())
        notices = db.scalars(select(models.Notice.email)).all()
    assert notices == ["relectrice@example.net"]
    for each in listed:
        assert _post(desk, f"{path}/{each.id}/remove").status_code == 303
    assert _post(desk, f"{path}/{listed[0].id}/remove").status_code == 404


def test_a_test_is_one_click_away_and_says_what_is_missing(desk: FlaskClient) -> None:
    with transaction() as db:
        issue_id = make_issue(db, db.scalars(select(Newsletter)).one())
    _post(desk, f"/desk/issues/{issue_id}/test", to="me", back="issue")
    page = desk.get(f"/desk/issues/{issue_id}", headers=FRENCH).text
    assert f"à {EMAIL}" in page
    assert "en attente : 1" in page.replace("\u00a0", " ")
    with transaction() as db:
        issue = lifecycle.get(db, issue_id)
        assert issue
        blocks = [{"kind": "article", "title": "Un titre"}, *issue.content["blocks"]]
        issue.content = issue.content | {"blocks": blocks, "subject": ""}
    answer = _post(desk, f"/desk/issues/{issue_id}/test", to="testers", back="compose")
    assert answer.location.endswith("/compose")
    _post(desk, f"/desk/issues/{issue_id}/test", to="me", back="compose")
    page = desk.get(f"/desk/issues/{issue_id}/compose", headers=FRENCH).text.replace("\u00a0", " ")
    assert "équipe de relecture" in page
    assert "bloc 1, Article (Texte)" in page
    with transaction() as db:
        assert len(db.scalars(select(models.IssueTest)).all()) == 1


def test_tests_are_counted_by_the_hour(desk: FlaskClient) -> None:
    with transaction() as db:
        issue_id = make_issue(db, db.scalars(select(Newsletter)).one())
    for _time in range(21):
        _post(desk, f"/desk/issues/{issue_id}/test", to="me")
    assert "le maximum" in desk.get(f"/desk/issues/{issue_id}", headers=FRENCH).text
    with transaction() as db:
        ago = utcnow() - timedelta(minutes=5)
        assert len(db.scalars(select(models.IssueTest).where(models.IssueTest.at > ago)).all()) == 20


@pytest.mark.parametrize("link", ["unsubscribe", "preferences", "rights", "online"])
def test_the_links_of_a_test_say_that_it_was_one(desk: FlaskClient, link: str) -> None:
    assert "Ceci était un essai" in desk.get(f"/trial/{link}", headers=FRENCH).text


def test_no_other_link_is_one(desk: FlaskClient) -> None:
    assert desk.get("/trial/other").status_code == 404
    assert desk.get("/testers/forged").status_code == 404
    assert desk.post("/testers/forged/stop").status_code == 404


HOSTILE = (
    "<script>alert(1)</script>", "</mj-text></mj-column><mj-raw>x", "]]>", "{{ name }}", "{{ nom }}",
    "{% raw %}",
    "a & b < c", "\u202egnol", "👩‍👩‍👧‍👦 é", "x" * 100, '" onload="x', "\\u{a0} \\", "{0} {ratio}",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_text_everywhere(desk: FlaskClient, text: str) -> None:
    words = {"name": text, "signature": text, "footer": text, "description": text, "from_name": text}
    sample = _save(desk, f"{PAGE}/sample", **words)
    assert sample.status_code == 200
    assert "<script>alert" not in sample.text
    answer = _save(desk, **words)
    assert answer.status_code in (303, 422)
    assert "<script>alert" not in answer.text + desk.get(PAGE, headers=FRENCH).text
    with transaction() as db:
        of = db.scalars(select(Newsletter)).one()
        issue_id = make_issue(db, of)
        assert starting.empty(db, of, now=utcnow())
    assert desk.get(f"/desk/issues/{issue_id}/preview").status_code == 200
    assert _post(desk, f"/desk/issues/{issue_id}/test", to="me").status_code == 303
