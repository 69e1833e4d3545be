"""The desk through its HTTP door, on a real database."""

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from mailer.core.after_commit import Task
from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.public_web import Answer
from mailer.delivery import audience, due
from mailer.delivery.models import Delivery
from mailer.issues import link_visits, render
from mailer.issues.models import Approval, Issue
from mailer.issues.state_machine import IssueState
from mailer.newsletters.models import Newsletter, Theme
from mailer.rendering.mjml import compile_holes
from mailer.rendering.typography import french
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import suppressions
from mailer.subscribers.models import Subscriber, Subscription, SuppressionReason
from mailer.subscribers.suppressions import SuppressedAddress
from tests.support.desk_client import FRENCH, act, approve, asked, log_in, token
from tests.support.desk_rows import (
    NOW,
    PASSWORD,
    make_deliveries,
    make_issue,
    make_newsletter,
    make_staff,
)
from tests.support.make import import_people, make_readers

pytestmark = pytest.mark.usefixtures("clean")


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def client(desk: FlaskClient) -> FlaskClient:
    return desk


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The MJML sources that were compiled."""
    sources: list[str] = []

    def counted(source: str) -> str:
        sources.append(source)
        return compile_holes(source)

    monkeypatch.setattr(render, "compile_holes", counted)
    return sources


def an_issue(state: IssueState = IssueState.DRAFT, **counts: int) -> UUID:
    with transaction() as db:
        issue_id = make_issue(db, make_newsletter(db), state)
        if counts:
            make_deliveries(db, issue_id, **counts)
    return issue_id


def state_of(issue_id: UUID) -> IssueState:
    with transaction() as db:
        return db.get_one(Issue, issue_id).state


def everything() -> list[tuple[object, ...]]:
    with transaction() as db:
        columns = Issue.id, Issue.state, Issue.due_at, Issue.revision_id, Issue.content, Issue.assets
        issues = db.execute(select(*columns)).all()
        return [tuple(row) for row in issues] + [(db.scalar(select(func.count()).select_from(Approval)),)]


def desk_urls(app: Flask, method: str, issue_id: UUID) -> list[str]:
    """Every page of the desk, about this id: an issue's, and nobody's where another thing is meant."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("desk.")]
    acts = [re.sub(r"<any\((\w+).*?>", r"\1", rule.rule) for rule in rules if method in (rule.methods or ())]
    acts = [url.replace("<block_id>", "1") for url in acts]
    return [re.sub(r"<uuid:\w+>|<slug>", str(issue_id), url).replace("<int:number>", "1") for url in acts]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_strangers_are_sent_to_the_login(
    app: Flask, stranger: FlaskClient, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
    urls = desk_urls(app, method, an_issue())
    assert len(urls) >= 6
    for url in urls:
        answer = stranger.open(url, method=method)
        assert answer.status_code == 302, url
        assert answer.location.startswith("/login?next=%2Fdesk"), url


def test_no_post_without_its_token(app: Flask, client: FlaskClient) -> None:
    for state in IssueState:
        issue_id = an_issue(state)
        for url in [*desk_urls(app, "POST", issue_id), "/login", "/logout"]:
            assert client.post(url).status_code == 400, url
        assert state_of(issue_id) is state


def test_no_get_changes_anything(app: Flask, client: FlaskClient) -> None:
    issues = [an_issue(state, accepted=1) for state in IssueState]
    before = everything()
    for issue_id in issues:
        for url in desk_urls(app, "GET", issue_id):
            assert client.get(url).status_code in (200, 302, 404), url
    assert everything() == before


def test_an_unknown_issue_is_not_found(app: Flask, client: FlaskClient) -> None:
    nobody = uuid4()
    for url in desk_urls(app, "GET", nobody):
        expected = 404 if str(nobody) in url else 200
        assert client.get(url).status_code == expected, url


def test_a_wrong_password_and_an_unknown_address_read_the_same(client: FlaskClient) -> None:
    act_out = client.post("/logout", data={"csrf_token": token(client, "/desk/")})
    assert act_out.status_code == 303
    wrong = log_in(client, "un mauvais mot de passe")
    unknown = log_in(client, email="personne@example.org")
    assert wrong.status_code == unknown.status_code == 422
    for answer in (wrong, unknown):
        assert "Adresse ou mot de passe incorrect." in answer.text
    assert PASSWORD not in unknown.text


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "desk", "/\t/evil.example"]
)
def test_next_stays_here(stranger: FlaskClient, elsewhere: str) -> None:
    with transaction() as db:
        make_staff(db)
    assert log_in(stranger, asked=elsewhere).location == "/desk/"


def test_next_brings_back(stranger: FlaskClient) -> None:
    with transaction() as db:
        make_staff(db)
    assert log_in(stranger, asked="/desk/newsletters").location == "/desk/newsletters"


def test_guessing_is_slowed_down(stranger: FlaskClient) -> None:
    form = {"email": "x", "password": "y", "csrf_token": token(stranger, "/login")}
    statuses = [stranger.post("/login", data=form).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]


def test_empty_desk(client: FlaskClient) -> None:
    assert "Aucun numéro pour l’instant" in client.get("/desk/", headers=FRENCH).text
    assert "Aucune lettre pour l’instant" in client.get("/desk/newsletters", headers=FRENCH).text


def test_lists(client: FlaskClient) -> None:
    an_issue(IssueState.SENDING, accepted=3, pending=1)
    page = client.get("/desk/", headers=FRENCH)
    assert "Envoi en cours" in page.text
    assert french("3 courriels traités sur 4 (75 %)") in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "La lettre de la solidarité" in client.get("/desk/newsletters").text


def test_scheduling(client: FlaskClient) -> None:
    issue_id = an_issue()
    assert approve(client, issue_id, "schedule", day="2099-12-01", time="08:00").status_code == 303
    page = client.get(f"/desk/issues/{issue_id}", headers=FRENCH).text
    assert "mardi 1er décembre 2099 à 8\u00a0h (heure de Paris, 7\u00a0h UTC)" in page
    assert act(client, issue_id, "unschedule").status_code == 303
    assert state_of(issue_id) is IssueState.DRAFT


def test_the_number_before_a_send_is_the_freeze_s(client: FlaskClient) -> None:
    """Who rests, is restricted, was not informed or is suppressed is not counted."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        readers = make_readers(db, newsletter, 6)
        import_people(db, newsletter, ["stranger@example.org"])
        rests, restricted = (Subscriber.email == address for address in readers[:2])
        db.execute(update(Subscriber).where(rests).values(paused_until=utcnow() + timedelta(days=1)))
        db.execute(update(Subscriber).where(restricted).values(restricted_at=NOW))
        suppressions.add(db, [SuppressedAddress(fingerprint_of(readers[2]), SuppressionReason.MANUAL, NOW)])
        issue_id = make_issue(db, newsletter)
    assert french("sera envoyé immédiatement à 3 destinataires") in french(
        client.get(f"/desk/issues/{issue_id}/send", headers=FRENCH).text
    )
    for page in ("/desk/newsletters", f"/desk/issues/{issue_id}"):
        assert "<dt>Destinataires</dt><dd>3</dd>" in client.get(page, headers=FRENCH).text
    assert approve(client, issue_id, "send").status_code == 303
    with transaction() as db:
        frozen = audience.freeze(db, issue_id, now=utcnow())
        assert frozen
        assert (frozen.candidates, frozen.audience) == (7, 3)


def test_one_content_is_compiled_once(client: FlaskClient, compiled: list[str]) -> None:
    """However often it is looked at, checked, approved, taken back and approved again."""
    issue_id = an_issue()
    page, tomorrow = f"/desk/issues/{issue_id}", {"day": "2099-12-01", "time": "08:00"}
    for path in (page, f"{page}/preview", f"{page}/send", page, f"{page}/preview"):
        assert client.get(path).status_code == 200
    for _ in range(2):
        assert approve(client, issue_id, "schedule", **tomorrow).status_code == 303
        assert client.get(f"{page}/preview").status_code == 200
        assert act(client, issue_id, "unschedule").status_code == 303
    assert approve(client, issue_id, "send").status_code == 303
    assert state_of(issue_id) is IssueState.SCHEDULED
    assert len(compiled) == 1


def test_what_changed_is_compiled_anew(client: FlaskClient, compiled: list[str]) -> None:
    """What the author wrote, and how its newsletter presents itself."""
    issue_id = an_issue()
    preview = f"/desk/issues/{issue_id}/preview"
    client.get(preview)
    with transaction() as db:
        issue = db.get_one(Issue, issue_id)
        issue.content = issue.content | {"title": "Un autre titre"}
    rewritten = client.get(preview).text
    assert "Un autre titre" in rewritten
    with transaction() as db:
        db.execute(update(Newsletter).values(theme=Theme.DSFR))
    assert client.get(preview).text != rewritten
    assert len(compiled) == 3


@pytest.mark.parametrize(
    ("day", "time", "sentence"),
    [
        ("2020-01-01", "08:00", "est déjà passé"),
        ("2099-03-29", "02:30", "n’existe pas"),
        ("2099-10-25", "02:30", "arrive deux fois"),
        ("demain", "tôt", "n’est pas une date"),
        ("", "", "Indiquez une date"),
    ],
)
def test_a_bad_time_is_explained_and_kept(client: FlaskClient, day: str, time: str, sentence: str) -> None:
    issue_id = an_issue()
    answer = act(client, issue_id, "schedule", day=day, time=time)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert f'value="{day}"' in answer.text
    assert f'value="{time}"' in answer.text
    assert state_of(issue_id) is IssueState.DRAFT


def test_an_hour_that_happens_twice_can_be_chosen(client: FlaskClient) -> None:
    issue_id = an_issue()
    typed = {"day": "2099-10-25", "time": "02:30"}
    assert 'name="fold"' in act(client, issue_id, "schedule", **typed).text
    assert approve(client, issue_id, "schedule", **typed, fold="1").status_code == 303
    assert "1\u00a0h\u00a030 UTC" in client.get(f"/desk/issues/{issue_id}", headers=FRENCH).text


def test_sending_twice_sends_once(client: FlaskClient) -> None:
    issue_id = an_issue()
    assert french("Envoyer maintenant ?") in client.get(f"/desk/issues/{issue_id}/send", headers=FRENCH).text
    assert approve(client, issue_id, "send").status_code == 303
    after = everything()
    again = act(client, issue_id, "send")
    assert again.status_code == 303
    assert everything() == after
    assert "Rien n’a changé" in client.get(again.location, headers=FRENCH).text


def test_pause_resume_cancel(client: FlaskClient) -> None:
    issue_id = an_issue(IssueState.SENDING, pending=2)
    for move, state in [("pause", "paused"), ("resume", "sending"), ("cancel", "cancelled")]:
        for _ in range(2):  # a double click is harmless
            assert act(client, issue_id, move).status_code == 303
            assert state_of(issue_id) == state
    assert client.get(f"/desk/issues/{issue_id}/cancel").status_code == 302


@pytest.mark.parametrize(("move", "left"), [("resume", "pending"), ("refused", "refused")])
def test_refusals_that_may_be_ours_are_asked_about(client: FlaskClient, move: str, left: str) -> None:
    issue_id = an_issue(IssueState.SENDING, accepted=3, deferred=2)
    with transaction() as db:
        suspect = {"code": 550, "enhanced": "5.7.1", "reply": "blocked"}
        db.execute(update(Delivery).where(Delivery.state == DeliveryState.DEFERRED).values(suspect))
    for page in (f"/desk/issues/{issue_id}", "/desk/"):
        assert "550 5.7.1 blocked" in client.get(page, headers=FRENCH).text
    assert act(client, issue_id, move).status_code == 303
    with transaction() as db:
        assert db.scalar(select(func.count()).where(Delivery.state == DeliveryState(left))) == 2
    assert "550 5.7.1" not in client.get(f"/desk/issues/{issue_id}", headers=FRENCH).text
    again = act(client, issue_id, "resume")
    assert "Rien n’a changé" in client.get(again.location, headers=FRENCH).text


def test_progress(client: FlaskClient) -> None:
    issue_id = an_issue(IssueState.SENDING, accepted=5, refused=1, deferred=1, pending=3)
    news = client.get(f"/desk/issues/{issue_id}/progress.json", headers=FRENCH).json
    assert news is not None
    assert (news["audience"], news["accepted"], news["final"], news["percent"]) == (10, 5, 6, 60)
    assert (news["state"], news["live"], news["done"]) == ("sending", True, False)
    assert news["counts"]["refused"] == {"count": "1", "x": 500.0, "width": 100.0}


def test_numbers_are_there_without_script(client: FlaskClient) -> None:
    issue_id = an_issue(IssueState.SENDING, accepted=5, pending=5)
    page = client.get(f"/desk/issues/{issue_id}", headers=FRENCH).text
    assert french("5 courriels traités sur 10 (50 %)") in page
    assert "Actualiser les chiffres" in page


def test_certificate(client: FlaskClient) -> None:
    issue_id = an_issue(IssueState.SENDING, accepted=3, withheld=1)
    page, file = f"/desk/issues/{issue_id}/certificate", f"/desk/issues/{issue_id}/certificate.json"
    assert (client.get(page).status_code, client.get(file).status_code) == (302, 404)
    with transaction() as db:
        issue = db.get_one(Issue, issue_id)
        issue.state, issue.started_at, issue.closed_at = IssueState.CLOSED, NOW, NOW + timedelta(minutes=2)
    shown = client.get(page, headers=FRENCH).text
    assert "4 destinataires = 3 acceptés + 0 refusés + 1 non envoyés + 0 sans réponse" in shown
    answer = client.get(file)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.json is not None
    assert answer.json["audience"] == 4


def test_the_page_follows_an_issue_about_to_leave(client: FlaskClient) -> None:
    issue_id = an_issue(IssueState.SCHEDULED)
    assert "data-live" not in client.get(f"/desk/issues/{issue_id}").text
    with transaction() as db:
        db.get_one(Issue, issue_id).due_at = utcnow()
    assert "data-live" in client.get(f"/desk/issues/{issue_id}").text


@pytest.mark.parametrize("state", list(IssueState))
def test_every_form_of_an_issue_carries_its_token(client: FlaskClient, state: IssueState) -> None:
    page = client.get(f"/desk/issues/{an_issue(state, pending=1)}", headers=FRENCH).text
    forms = re.findall(r'<form method="post".*?</form>', page, re.DOTALL)
    assert [form for form in forms if 'name="csrf_token"' not in form] == []


def test_the_components_in_each_theme(client: FlaskClient) -> None:
    pages = [client.get(f"/desk/components{query}") for query in ("", "?theme=dsfr", "?theme=other")]
    assert [page.status_code for page in pages] == [200, 200, 404]
    assert [page.text.count(' data-theme="dsfr" data-scheme=') for page in pages] == [0, 2, 0]


def test_each_warning_is_acknowledged_by_name(client: FlaskClient) -> None:
    issue_id, typed = an_issue(), {"day": "2099-12-01", "time": "08:00"}
    refused = act(client, issue_id, "schedule", **typed)
    assert refused.status_code == 422
    assert "Personne ne recevrait ce numéro" in refused.text
    assert 'value="2099-12-01"' in refused.text
    keys = asked(refused.text)
    assert len(keys) > 1
    assert act(client, issue_id, "schedule", **typed, acknowledged=keys[1:]).status_code == 422
    ticked = act(client, issue_id, "schedule", **typed, acknowledged=keys[:1]).text
    assert f'value="{keys[0]}" required checked' in ticked
    assert f'value="{keys[1]}" required checked' not in ticked
    assert act(client, issue_id, "send").status_code == 422
    assert state_of(issue_id) is IssueState.DRAFT
    page = client.get(f"/desk/issues/{issue_id}/send", headers=FRENCH).text
    assert "Personne ne recevrait ce numéro" in page
    assert act(client, issue_id, "schedule", **typed, acknowledged=keys).status_code == 303
    with transaction() as db:
        (kept,) = db.scalars(select(Approval.acknowledged))
    assert [warning["key"] for warning in kept] == keys
    assert kept[0]["code"] == "audience_empty"
    assert kept[0]["sentence"].startswith("Personne ne recevrait")
    assert act(client, issue_id, "unschedule").status_code == 303
    again = client.get(f"/desk/issues/{issue_id}", headers=FRENCH).text
    assert asked(again) == []
    assert french(f"{len(keys)} points ont déjà été vérifiés") in again
    assert act(client, issue_id, "schedule", **typed).status_code == 303


def test_both_questions_about_a_departure_can_be_answered(client: FlaskClient) -> None:
    """Which of the two hours, then the warnings: the first answer is kept beside the second question."""
    issue_id, typed = an_issue(), {"day": "2099-10-25", "time": "02:30"}
    page = act(client, issue_id, "schedule", **typed, fold="1").text
    assert 'type="hidden" name="fold" value="1"' in page
    keys = asked(page)
    again = act(client, issue_id, "schedule", **typed, acknowledged=keys).text
    assert again.count("required checked") == len(keys)


def test_what_came_up_after_it_was_acknowledged_is_asked_about_too(client: FlaskClient) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db)
        make_readers(db, newsletter, 3)
        make_issue(db, newsletter, IssueState.CLOSED, candidates=10, audience=10, excluded=0)
        issue_id = make_issue(db, newsletter)
    keys = asked(client.get(f"/desk/issues/{issue_id}/send").text)
    with transaction() as db:
        import_people(db, db.merge(newsletter), ["stranger@example.org"])
    answer = act(client, issue_id, "send", acknowledged=keys)
    assert answer.status_code == 422
    page = answer.text
    assert "3 destinataires, moins de la moitié du précédent (10)" in page
    assert "ne recevront pas ce numéro avant : 1" in french(page).replace("\u00a0", " ")
    assert state_of(issue_id) is IssueState.DRAFT


def test_an_issue_waits_until_imported_people_are_told(client: FlaskClient) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db)
        make_readers(db, newsletter, 3)
        issue_id = make_issue(db, newsletter)
        import_people(db, newsletter, ["stranger@example.org"])
    page = client.get(f"/desk/issues/{issue_id}/send").text
    keys = asked(page)
    assert 'name="waits"' in page
    assert act(client, issue_id, "send", acknowledged=keys[1:], waits="yes").status_code == 303
    assert state_of(issue_id) is IssueState.SCHEDULED
    assert "Au plus tôt" in client.get(f"/desk/issues/{issue_id}", headers=FRENCH).text
    later = utcnow() + timedelta(days=3)
    with transaction() as db:
        assert due.to_freeze(db, now=later, late_after=timedelta(hours=1)) == []
        assert due.late(db, now=later, late_after=timedelta(hours=1)) == []
        db.execute(update(Subscription).values(informed_at=NOW))
        assert due.to_freeze(db, now=later, late_after=timedelta(hours=1)) == [issue_id]


def test_a_check_is_explained_and_mended_where_it_can_be(client: FlaskClient) -> None:
    issue_id = an_issue()
    with transaction() as db:
        issue = db.get_one(Issue, issue_id)
        blocks = [{"kind": "text", "text": "Bonjour: l'aide"}]
        issue.content = issue.content | {"blocks": blocks}
    page = client.get(f"/desk/issues/{issue_id}", headers=FRENCH).text
    for words in (
        "Il manque une espace",
        "Une typographie soignée",
        "Corriger dans ce bloc",
        "Ajouter un ours",
    ):
        assert words in page
    mend = {"block": "1", "revision": "1", "back": "issue"}
    assert act(client, issue_id, "checks/mend", code="typo_space", **mend).status_code == 303
    stale = act(client, issue_id, "checks/mend", code="typo_apostrophe", **mend)
    assert "la lettre a été modifiée entre-temps" in client.get(stale.location, headers=FRENCH).text
    assert act(client, issue_id, "checks/mend", code="no_colophon", block="", revision="0").status_code == 303
    assert act(client, issue_id, "checks/mend", code="long_sentence", **mend).status_code == 400
    with transaction() as db:
        content = db.get_one(Issue, issue_id).content
        acts = db.execute(select(Audit.what, Audit.details).order_by(Audit.id)).all()
    assert content["blocks"][0]["text"] == "Bonjour\u00a0: l'aide"
    assert content["blocks"][1]["kind"] == "colophon"
    assert [(row.what, row.details["code"]) for row in acts] == [
        ("issue mend", "typo_space"), ("issue mend", "no_colophon"),
    ]  # fmt: skip


def test_links_are_looked_at_by_a_worker_when_asked(client: FlaskClient, asked_for: list[Task]) -> None:
    issue_id = an_issue()
    with transaction() as db:
        issue = db.get_one(Issue, issue_id)
        blocks = [{"kind": "text", "text": "[Une page](https://x.fr/a#b), [une autre](mailto:a@x.fr)"}]
        issue.content = issue.content | {"blocks": blocks}
    answer = act(client, issue_id, "checks/links", back="compose")
    assert "1 adresse va être vérifiée" in client.get(answer.location, headers=FRENCH).text
    assert asked_for == [Task.LINKS]
    with transaction() as db:
        assert link_visits.waiting(db) == ["https://x.fr/a"]
        link_visits.record(db, {"https://x.fr/a": Answer(404)}, now=NOW)
        assert link_visits.waiting(db) == []
    page = client.get(f"/desk/issues/{issue_id}", headers=FRENCH).text
    assert "ne mène à rien" in page
    assert "1 adresse vérifiée" in page


def test_a_draft_is_deleted_once_confirmed_and_nothing_else_is(client: FlaskClient) -> None:
    draft, closed = an_issue(), an_issue(IssueState.CLOSED)
    assert "Supprimer ce brouillon" in client.get(f"/desk/issues/{draft}/delete", headers=FRENCH).text
    for issue_id in (draft, closed):
        assert act(client, issue_id, "delete").status_code == 303
    assert client.get(f"/desk/issues/{draft}").status_code == 404
    assert state_of(closed) is IssueState.CLOSED
    with transaction() as db:
        acts = db.execute(select(Audit.what, Audit.details).order_by(Audit.id)).all()
    assert [tuple(row) for row in acts] == [("issue delete", {"issue": str(draft)})]


def test_a_draft_that_was_scheduled_once_can_be_deleted(client: FlaskClient) -> None:
    issue_id = an_issue()
    assert approve(client, issue_id, "schedule", day="2099-12-01", time="08:00").status_code == 303
    assert act(client, issue_id, "unschedule").status_code == 303
    assert act(client, issue_id, "delete").location == "/desk/"
    assert client.get(f"/desk/issues/{issue_id}").status_code == 404


def test_an_issue_carries_its_number_and_its_subject_as_received(client: FlaskClient) -> None:
    issue_id = an_issue()
    with transaction() as db:
        issue = db.get_one(Issue, issue_id)
        subject = '{{ name | "lecteur" }}, voici la lettre'
        issue.content = issue.content | {"number": "Numéro 12", "subject": subject}
    assert "Numéro 12" in client.get("/desk/", headers=FRENCH).text
    page = client.get(f"/desk/issues/{issue_id}", headers=FRENCH).text
    assert "Numéro 12" in page
    assert "Camille Dupont, voici la lettre" in page
