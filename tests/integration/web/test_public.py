"""A newsletter's pages, through HTTP, on the real database."""

import re
from datetime import timedelta
from urllib.parse import unquote
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, update
from werkzeug.test import TestResponse

from mailer import tasks
from mailer.core import heartbeats, tokens
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.paths import templates_dir
from mailer.core.settings import Settings, settings
from mailer.core.tokens import Purpose
from mailer.delivery import audience
from mailer.delivery.models import Delivery
from mailer.issues import lifecycle, yaml_file
from mailer.issues.models import Issue
from mailer.monitoring import alarms
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter
from mailer.notices.models import Notice, NoticeKind
from mailer.rendering.typography import french
from mailer.subscribers.consent import wordings
from mailer.subscribers.consent.models import ConsentEvent
from mailer.subscribers.models import (
    Departure,
    SignupRequest,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from mailer.web.public.forms import shown_at
from tests.support.make import erase, make_newsletter, make_pending, make_readers

FRENCH = {"Accept-Language": "fr"}
LETTER = templates_dir() / "examples" / "lettre" / "lettre.yaml"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    with transaction() as db:
        make_newsletter(db)
    return app.test_client(use_cookies=False)


@pytest.fixture
def sent(client: FlaskClient, settings: Settings) -> UUID:
    """The example letter, frozen for three readers."""
    with transaction() as db:
        newsletter = newsletters.newsletter(db, "lettre")
        assert newsletter
        make_readers(db, newsletter, 3)
        content, assets = yaml_file.load(LETTER)
        issue = lifecycle.import_issue(db, content, assets, now=utcnow())
        lifecycle.schedule(db, issue, due_at=utcnow(), approver="terminal", now=utcnow(), settings=settings)
        assert audience.freeze(db, issue.id, now=utcnow())
        return issue.id


def sign_up(client: FlaskClient, email: str = "zoe@example.org", **data: str) -> tuple[int, str]:
    form = {"email": email, "consent": "yes", "shown": shown_long_ago()} | data
    answer = client.post("/lettre/", data=form, headers=FRENCH)
    return answer.status_code, answer.headers.get("Location", "")


def shown_long_ago(locale: str = "fr") -> str:
    """What the form holds when it has been open for a minute."""
    wording = wordings.current_wording("La lettre", settings().controller_name, locale)
    return shown_at("lettre", wording, utcnow() - timedelta(minutes=1))


def link(purpose: Purpose, subscription_id: UUID) -> str:
    return tokens.issue(purpose, [subscription_id.hex, "lettre"])


def french_page(answer: TestResponse) -> str:
    """Its words with plain blanks."""
    return answer.text.replace("\u202f", " ").replace("\xa0", " ")


def leave_token(issue_id: UUID, position: int = 1) -> str:
    with transaction() as db:
        send_id = db.get_one(Issue, issue_id).send_id
    assert send_id
    return tokens.issue_delivery(Purpose.UNSUBSCRIBE, send_id, position)


def active() -> int:
    with transaction() as db:
        states = select(func.count()).where(Subscription.state == SubscriptionState.ACTIVE)
        return db.scalar(states) or 0


def events() -> int:
    with transaction() as db:
        return db.scalar(select(func.count()).select_from(ConsentEvent)) or 0


def test_from_the_form_to_the_goodbye(client: FlaskClient) -> None:
    assert sign_up(client, name="Zoé") == (303, "/lettre/check-your-mail")
    assert "Consultez votre messagerie" in client.get("/lettre/check-your-mail", headers=FRENCH).text
    tasks.signups()
    with transaction() as db:
        subscription_id = db.scalars(select(Subscription.id)).one()
    token = link(Purpose.CONFIRM, subscription_id)
    assert "La lettre" in client.get(f"/confirm/{token}", headers=FRENCH).text
    assert active() == 0
    assert "est confirmée" in client.post(f"/confirm/{token}", headers=FRENCH).text
    assert active() == 1
    assert "déjà active" in client.post(f"/confirm/{token}", headers=FRENCH).text
    with transaction() as db:
        kinds = set(db.scalars(select(Notice.kind)))
    assert kinds == {NoticeKind.CONFIRMATION, NoticeKind.WELCOME}


def test_faults_are_told_and_nothing_typed_is_lost(client: FlaskClient) -> None:
    answer = client.post("/lettre/", data={"email": "zoe@", "name": "Zoé"}, headers=FRENCH)
    assert answer.status_code == 422
    assert "Cette adresse n’est pas complète" in answer.text
    assert "Cochez la case" in answer.text
    assert 'value="zoe@"' in answer.text
    assert 'value="Zoé"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 2
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(SignupRequest)) == 0


@pytest.mark.parametrize("said", ["false", ""])
def test_a_box_that_says_no_is_no_consent(client: FlaskClient, said: str) -> None:
    assert sign_up(client, consent=said)[0] == 422


def test_a_text_that_changed_since_it_was_shown_is_shown_again(client: FlaskClient) -> None:
    """The file keeps the wording that was on the screen, in its language, and none that came after."""
    assert sign_up(client, shown=shown_long_ago("en"))[0] == 422
    shown = shown_long_ago()
    with transaction() as db:
        db.execute(update(Newsletter).values(name="La gazette"))
    answer = client.post(
        "/lettre/", data={"email": "zoe@example.org", "consent": "yes", "shown": shown}, headers=FRENCH
    )
    assert answer.status_code == 422
    assert "Vérifiez votre saisie" in answer.text
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(SignupRequest)) == 0


def test_everybody_gets_the_same_answer(client: FlaskClient, sent: UUID) -> None:
    with transaction() as db:
        mark = fingerprint_of("gone@example.org")
        db.add(Suppression(fingerprint=mark, reason=SuppressionReason.OBJECTED, at=utcnow()))
    answers = {
        sign_up(client, email) for email in ("reader0@example.org", "new@example.org", "gone@example.org")
    }
    assert answers == {(303, "/lettre/check-your-mail")}


def test_robots_fall_in_the_trap(client: FlaskClient) -> None:
    assert sign_up(client, website="https://spam.example") == (303, "/lettre/check-your-mail")
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(SignupRequest)) == 0


def test_a_form_filled_in_a_loop_is_slowed_down(client: FlaskClient) -> None:
    statuses = [sign_up(client, f"r{n}@example.org")[0] for n in range(11)]
    assert statuses == [303] * 10 + [429]


def test_one_click_unsubscribes_exactly_that_person(client: FlaskClient, sent: UUID) -> None:
    url = f"/u/{leave_token(sent, 2)}"
    page = client.get(url, headers=FRENCH)
    assert "Vous désinscrire" in page.text
    assert "@example" not in page.text.replace("droits@example.org", "")
    assert active() == 3
    for _ in range(2):
        answer = client.post(url, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
    assert active() == 2
    with transaction() as db:
        assert db.scalars(select(Notice.kind)).all() == [NoticeKind.GOODBYE]


def test_a_repeated_click_tells_nobody_who_was_erased(client: FlaskClient, sent: UUID) -> None:
    """The same statements, of which none writes: bench.unsubscribe_timing measures the time."""
    from tests.integration.web.test_strangers import statements  # which imports from here

    left, erased = (f"/u/{leave_token(sent, position)}" for position in (1, 2))
    client.post(left)
    with transaction() as db:
        whose = select(Subscriber.email).join(Delivery).where(Delivery.position == 2)
        erase(db, db.scalars(whose).one(), never_again=False, now=utcnow())
    asked = []
    for url in (left, erased):
        with statements() as said:
            answer = client.post(url, data={"List-Unsubscribe": "One-Click"})
        asked.append(
            (answer.status_code, answer.text.replace(url, "").replace(url.removeprefix("/u/"), ""), said)
        )
    assert asked[0] == asked[1]
    assert "FOR UPDATE" not in " ".join(asked[0][2])


def test_the_link_works_for_ever(client: FlaskClient, sent: UUID) -> None:
    unknown = tokens.issue_delivery(Purpose.UNSUBSCRIBE, UUID(int=1), 1)
    assert client.post(f"/u/{unknown}").status_code == 200
    assert client.post("/u/forged").status_code == 404
    other = tokens.issue_delivery(Purpose.MESSAGE_ID, UUID(int=1), 1)
    cut = client.get(f"/u/{other}")
    assert (cut.status_code, "est incomplet" in cut.text) == (404, True)


def test_why_one_leaves_is_counted_and_names_nobody(client: FlaskClient, sent: UUID) -> None:
    where = f"/u/{leave_token(sent)}"
    assert "Voulez-vous nous dire pourquoi" in french_page(client.post(where, headers=FRENCH))
    for reason in ("too_often", "too_often", "", "anything"):
        answer = client.post(f"{where}/reason", data={"reason": reason}, headers=FRENCH)
        assert "Merci de nous l’avoir dit" in answer.text
    with transaction() as db:
        assert [(row.reason, row.count) for row in db.scalars(select(Departure))] == [("too_often", 2)]


def test_the_welcome_has_a_way_out_that_outlives_everything(client: FlaskClient, sent: UUID) -> None:
    with transaction() as db:
        reader = db.scalars(select(Subscription.id).limit(1)).one()
    where = f"/u/{link(Purpose.LEAVE, reader)}"
    assert "La lettre" in client.get(where, headers=FRENCH).text
    assert active() == 3
    assert client.post(where).status_code == 200
    assert active() == 2
    with transaction() as db:
        db.execute(delete(Subscription).where(Subscription.id == reader))
    answer = client.post(where, headers=FRENCH)
    assert answer.status_code == 200
    assert "La lettre" in answer.text


def test_the_undo_link_brings_back(client: FlaskClient, sent: UUID) -> None:
    client.post(f"/u/{leave_token(sent)}")
    with transaction() as db:
        left = db.scalars(select(Subscription.id).where(Subscription.state == SubscriptionState.ENDED)).one()
    token = link(Purpose.UNDO, left)
    assert french("Vous réinscrire ?") in client.get(f"/back/{token}", headers=FRENCH).text
    assert active() == 2
    assert client.post(f"/back/{token}").status_code == 200
    assert active() == 3


@pytest.mark.parametrize("purpose", [Purpose.CONFIRM, Purpose.UNDO])
def test_a_link_lifts_no_suppression_that_came_after_it(client: FlaskClient, purpose: Purpose) -> None:
    later = utcnow() + timedelta(minutes=1)
    with transaction() as db:
        of = make_pending(db, make_newsletter(db, slug="autre"), now=utcnow())
        where = f"/{'confirm' if purpose is Purpose.CONFIRM else 'back'}/{link(purpose, of.id)}"
        db.add(Suppression(fingerprint=fingerprint_of("zoe@example.org"),
                           reason=SuppressionReason.OBJECTED, at=later))  # fmt: skip
    for _ in range(2):
        assert client.post(where).status_code == client.get(where).status_code == 410
    assert active() == 0
    with transaction() as db:
        db.execute(update(Suppression).values(at=utcnow() - timedelta(minutes=1)))
    assert client.post(where).status_code == 200
    assert active() == 1


@pytest.mark.parametrize("purpose", [Purpose.CONFIRM, Purpose.UNDO])
def test_what_is_frozen_stays_as_it_is(client: FlaskClient, purpose: Purpose) -> None:
    with transaction() as db:
        of = make_pending(db, make_newsletter(db, slug="autre"), now=utcnow())
        where = f"/{'confirm' if purpose is Purpose.CONFIRM else 'back'}/{link(purpose, of.id)}"
        db.execute(update(Subscriber).values(restricted_at=utcnow()))
    for answer in (client.get(where, headers=FRENCH), client.post(where, headers=FRENCH)):
        assert (answer.status_code, "L’utilisation de vos données est suspendue" in answer.text) == (
            409,
            True,
        )
    assert (active(), events()) == (0, 1)
    with transaction() as db:
        db.execute(update(Subscriber).values(restricted_at=None))
    assert client.post(where).status_code == 200
    assert active() == 1


def test_a_no_counts_also_while_everything_is_frozen(client: FlaskClient, sent: UUID) -> None:
    with transaction() as db:
        db.execute(update(Subscriber).values(restricted_at=utcnow()))
    assert client.post(f"/u/{leave_token(sent, 2)}").status_code == 200
    assert active() == 2


@pytest.mark.parametrize(
    ("token", "status", "said"),
    [
        ("cut-off", 404, "est incomplet"),
        (lambda: link(Purpose.CONFIRM, UUID(int=7)), 410, "n’existe plus"),
        (lambda: link(Purpose.UNDO, UUID(int=7)), 404, "est incomplet"),
    ],
)
def test_links_that_no_longer_work_show_the_way_on(
    client: FlaskClient, token: object, status: int, said: str
) -> None:
    value = token() if callable(token) else token
    for answer in (
        client.get(f"/confirm/{value}", headers=FRENCH),
        client.post(f"/confirm/{value}", headers=FRENCH),
    ):
        assert answer.status_code == status
        assert said in answer.text
        assert "Aller à l’inscription" in answer.text


def test_an_expired_link_says_so(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailer.web.public.mail_links.CONFIRM_WITHIN", timedelta(seconds=-1))
    token = link(Purpose.CONFIRM, UUID(int=7))
    answer = client.get(f"/confirm/{token}", headers=FRENCH)
    assert answer.status_code == 410
    assert "Ce lien a expiré" in answer.text
    assert 'href="/lettre/"' in answer.text  # it still knows of which newsletter


def test_the_letter_can_be_read_by_anybody(client: FlaskClient, sent: UUID) -> None:
    answer = client.get(f"/lettre/issues/{sent}")
    assert "Bonjour," in answer.text
    assert "\ue000" not in answer.text
    assert "style-src 'self' 'unsafe-inline'" in answer.headers["Content-Security-Policy"]
    image = re.search(r'src="http://letters.example.org(/assets/[^"]+)"', answer.text)
    assert image
    picture = client.get(image[1])
    assert picture.mimetype == "image/png"
    assert "immutable" in picture.headers["Cache-Control"]
    calendar = client.get(f"/lettre/issues/{sent}/agenda/1.ics")
    assert b"BEGIN:VEVENT" in calendar.data
    assert client.get(f"/lettre/issues/{sent}/agenda/99.ics").status_code == 404
    assert f"/issues/{sent}" in client.get("/lettre/archive").text


def test_a_draft_cannot_be_read(client: FlaskClient) -> None:
    with transaction() as db:
        content, assets = yaml_file.load(LETTER)
        issue_id = lifecycle.import_issue(db, content, assets, now=utcnow()).id
    assert client.get(f"/lettre/issues/{issue_id}").status_code == 404


def test_looking_changes_nothing(client: FlaskClient, sent: UUID) -> None:
    before = active(), events()
    token = leave_token(sent)
    for path in (
        f"/u/{token}",
        "/",
        "/lettre/",
        "/lettre/archive",
        "/rights",
        "/privacy",
        "/legal",
        "/accessibility",
    ):
        for method in ("GET", "HEAD"):
            answer = client.open(path, method=method, follow_redirects=True)
            assert answer.status_code == 200, path
            assert "Set-Cookie" not in answer.headers, path
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert (active(), events()) == before


def test_english_is_complete(client: FlaskClient) -> None:
    page = client.get("/lettre/?lang=en").text
    assert "Subscribe" in page
    assert 'href="/lettre/archive?lang=en"' in page or "first issue" in page
    assert (
        client.get("/nowhere/", headers={"Accept-Language": "en"}).text.count("This page does not exist") >= 1
    )


@pytest.mark.parametrize("path", ["/%5Cevil.example/a/b", "//evil.example/a/b", "/%0A/evil.example/a"])
def test_no_address_makes_the_other_language_another_site(client: FlaskClient, path: str) -> None:
    """A browser reads /\\host as it reads //host."""
    page = client.get("/", environ_overrides={"PATH_INFO": unquote(path)})
    link = re.search(r'class="other-language"><a href="([^"]+)"', page.text)
    assert link
    assert re.match(r"/[^/\\\s]", link[1])


def test_health(client: FlaskClient) -> None:
    assert client.get("/healthz").text == "ok\n"
    silent = client.get("/readyz")
    assert silent.status_code == 503
    assert "The process “letters” has not responded" in str(silent.json)
    with transaction() as db:
        for kind in alarms.KINDS_OF_PROCESS:
            heartbeats.beat(db, uuid4(), kind)
    assert client.get("/readyz").json == {"database": "ok", "redis": "ok", "alarms": "ok"}
