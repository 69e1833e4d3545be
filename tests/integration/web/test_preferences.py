"""Preferences, behind a fresh link to the address on file."""

import re
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mailer import tasks
from mailer.core import jobs, tokens
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import settings
from mailer.core.tokens import Purpose
from mailer.newsletters.models import Newsletter
from mailer.notices.models import Notice, NoticeKind
from mailer.subscribers import preferences, subscriptions
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.models import (
    PreferencesRequest,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from mailer.web.public.preferences import first_day, last_day
from tests.integration.web.test_strangers import statements
from tests.support.make import import_people, make_newsletter, make_pending
from tests.support.notices import send_due
from tests.support.sink import running_sink
from tests.support.travel import travelling

FRENCH = {"Accept-Language": "fr"}
ZOE = "zoe@example.org"
SENT = "/preferences/check-your-mail"


@pytest.fixture
def zoe(clean: None) -> UUID:
    """A subscriber, who receives one newsletter of two."""
    with transaction() as db:
        pending = make_pending(db, make_newsletter(db), email=ZOE, name="Zoé", now=utcnow())
        make_newsletter(db, slug="autre", name="Autre")
        subscriptions.confirm(db, pending.id, now=utcnow())
        return pending.subscriber_id


@pytest.fixture
def client(app: Flask, zoe: UUID) -> FlaskClient:
    return app.test_client(use_cookies=False)


def ask(client: FlaskClient, email: str = ZOE) -> tuple[int, str]:
    answer = client.post("/preferences", data={"email": email}, headers=FRENCH)
    return answer.status_code, answer.headers.get("Location", "")


def where(subscriber_id: UUID) -> str:
    return "/preferences/" + tokens.issue(Purpose.PREFERENCES, [subscriber_id.hex, "lettre"])


def kinds() -> list[NoticeKind]:
    with transaction() as db:
        return list(db.scalars(select(Notice.kind).order_by(Notice.created_at)))


def chosen() -> set[str]:
    with transaction() as db:
        joined = select(Newsletter.slug).join(Subscription, Subscription.newsletter_id == Newsletter.id)
        return set(db.scalars(joined.where(Subscription.state == SubscriptionState.ACTIVE)))


def test_a_link_goes_to_whom_we_know_and_to_nobody_else(client: FlaskClient) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db, slug="troisieme")
        make_pending(db, newsletter, email="waiting@example.org", now=utcnow())
        never = make_pending(db, newsletter, email="never@example.org", now=utcnow())
        subscriptions.confirm(db, never.id, now=utcnow())
        mark = fingerprint_of("never@example.org")
        db.add(Suppression(fingerprint=mark, reason=SuppressionReason.OBJECTED, at=utcnow()))
    for email in ("unknown@example.org", "waiting@example.org", "never@example.org", "Zoe@Example.org"):
        assert ask(client, email) == (303, SENT)
    tasks.signups()
    with transaction() as db:
        found = db.execute(select(Notice.kind, Notice.subscriber_id)).all()
        assert [tuple(row) for row in found] == [(NoticeKind.PREFERENCES, _id(ZOE))]
        assert db.scalar(select(func.count()).select_from(PreferencesRequest)) == 0


def _id(email: str) -> UUID:
    with transaction() as db:
        return db.scalars(select(Subscriber.id).where(Subscriber.email == email)).one()


def test_three_links_at_once(client: FlaskClient) -> None:
    for _ in range(5):
        ask(client)
    tasks.signups()
    assert kinds() == [NoticeKind.PREFERENCES] * 3


def asked(times: int, *, now: datetime) -> list[str]:
    """The paths in the mails that leave when so many links are asked for, by whomever."""
    with travelling(now):
        with transaction() as db:
            for _ in range(times):
                preferences.request(db, email=ZOE, now=now)
        jobs.run(tasks.FORMS)
        with running_sink() as sink:
            send_due(settings().model_copy(update={"relay_url": sink.url}))
            parts = [mail.get_body(("plain",)) for mail in sink.mails()]
    found = [re.search(r"/preferences/[\w.-]{40,}", part.get_content()) for part in parts if part]
    return [each[0] for each in found if each]


def opens(client: FlaskClient, links: list[str], *, now: datetime) -> list[bool]:
    with travelling(now, tick=False):
        return [client.get(link).status_code == 200 for link in links]


def test_whoever_asks_in_anothers_name_never_keeps_them_out(client: FlaskClient) -> None:
    begun, links = utcnow(), list[str]()
    for hour in range(0, 48, 2):
        now = begun + timedelta(hours=hour)
        links += asked(4, now=now)
        assert any(opens(client, links, now=now + timedelta(minutes=110))), hour
    assert len(links) <= 3 + 3 * 2


def test_only_the_last_link_lasts(client: FlaskClient) -> None:
    begun = utcnow()
    links = asked(4, now=begun)
    assert opens(client, links, now=begun + timedelta(minutes=50)) == [True] * 3
    assert sorted(opens(client, links, now=begun + timedelta(hours=7))) == [False, False, True]
    assert opens(client, links, now=begun + timedelta(hours=9)) == [False] * 3


def test_a_used_link_gives_its_place_back_once(client: FlaskClient) -> None:
    now = utcnow()
    for number in range(5):
        (link,) = asked(1, now=now + timedelta(minutes=number))
        for _ in range(4):
            with travelling(
                now + timedelta(minutes=number, seconds=30)
            ):  # a link is not opened before it left
                assert client.post(f"{link}/open").status_code == 200
    assert len(asked(5, now=now + timedelta(minutes=6))) == 3


def test_nothing_tells_who_is_known(client: FlaskClient) -> None:
    seen = set()
    for email in (ZOE, "abc@example.org"):
        with statements() as said:
            answer = client.post("/preferences", data={"email": email}, headers=FRENCH)
            page = client.get(answer.headers["Location"])
        seen.add((answer.status_code, answer.data, str(answer.headers), tuple(said), page.data))
    assert len(seen) == 1


def test_a_fault_is_told_and_nothing_typed_is_lost(client: FlaskClient) -> None:
    answer = client.post("/preferences", data={"email": "zoe@"}, headers=FRENCH)
    assert answer.status_code == 422
    assert 'value="zoe@"' in answer.text
    assert "n’est pas complète" in answer.text


def test_choices_are_shown_kept_and_told(client: FlaskClient, zoe: UUID) -> None:
    closed = client.get(where(zoe), headers=FRENCH)
    assert "Zoé" not in closed.text
    assert "lettre" not in closed.text.partition("<main")[2].partition("</main")[0].replace(where(zoe), "")
    page = client.post(f"{where(zoe)}/open", headers=FRENCH)
    assert 'value="lettre" checked' in page.text
    assert 'value="Zoé"' in page.text
    assert ZOE not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    until = first_day() + timedelta(days=30)
    data = {"newsletters": "autre", "name": " Zoé  D ", "locale": "en", "paused_until": until.isoformat()}
    done = client.post(where(zoe), data=data, headers=FRENCH)
    assert "C’est enregistré" in done.text
    assert chosen() == {"autre"}
    assert set(kinds()) == {NoticeKind.WELCOME, NoticeKind.GOODBYE}
    with transaction() as db:
        subscriber = db.get_one(Subscriber, zoe)
        assert (subscriber.name, subscriber.locale) == ("Zoé D", "en")
        assert subscriber.paused_until
        assert subscriber.paused_until.isoformat() == f"{until - timedelta(days=1)}T23:00:00+00:00"
        events = db.scalars(select(ConsentPayload).where(ConsentPayload.channel == preferences.CHANNEL))
        said = {(event.kind, event.wording_sha256 is not None) for event in events}
    assert said == {
        (ConsentKind.REQUESTED, True), (ConsentKind.CONFIRMED, True), (ConsentKind.WITHDRAWN, False),
    }  # fmt: skip


def test_who_ends_their_last_letter_is_brought_back_by_themselves_alone(
    client: FlaskClient, zoe: UUID
) -> None:
    data = {"name": "Zoé", "locale": "fr"}
    client.post(where(zoe), data=data)
    with transaction() as db:
        assert db.scalars(select(Suppression.reason)).all() == [SuppressionReason.UNSUBSCRIBED_ALL]
        newsletter = db.scalars(select(Newsletter).where(Newsletter.slug == "autre")).one()
        assert import_people(db, newsletter, [ZOE], agreed=utcnow(), now=utcnow()) == ["suppressed"]
    client.post(where(zoe), data=data | {"newsletters": "autre"})
    assert chosen() == {"autre"}
    with transaction() as db:
        assert db.scalars(select(Suppression.reason)).all() == []


def test_a_tab_left_open_brings_nobody_back(client: FlaskClient, zoe: UUID) -> None:
    """Beside a letter that was received then, no wording was shown: to keep its box ticked is no consent."""
    page = client.post(f"{where(zoe)}/open", headers=FRENCH)
    assert 'name="before" value="lettre"' in page.text
    with transaction() as db:
        subscriptions.withdraw(
            db, db.scalars(select(Subscription.id)).one(), channel="one-click", now=utcnow()
        )
    data = {"newsletters": "lettre", "before": "lettre", "name": "Zoé D", "locale": "fr"}
    answer = client.post(where(zoe), data=data, headers=FRENCH)
    assert "C’est enregistré" in answer.text
    assert 'value="lettre" checked' not in answer.text
    assert chosen() == set()
    client.post(where(zoe), data=data | {"before": ""}, headers=FRENCH)
    assert chosen() == {"lettre"}


def test_a_tab_left_open_takes_nothing_away(client: FlaskClient, zoe: UUID) -> None:
    data = {"name": "Zoé", "locale": "fr", "before": "lettre"}
    client.post(where(zoe), data=data | {"newsletters": ["lettre", "autre"]})
    client.post(where(zoe), data=data | {"newsletters": "lettre"})
    assert chosen() == {"lettre", "autre"}


def test_saving_again_changes_nothing(client: FlaskClient, zoe: UUID) -> None:
    for _ in range(2):
        client.post(where(zoe), data={"newsletters": "lettre", "name": "Zoé", "locale": "fr"})
    assert chosen() == {"lettre"}
    assert kinds() == []


@pytest.mark.parametrize("until", ["2020-01-01", "today", "too far", "nonsense"])
def test_a_pause_ends_on_a_day_to_come(client: FlaskClient, zoe: UUID, until: str) -> None:
    given = {
        "today": str(first_day() - timedelta(days=1)), "too far": str(last_day() + timedelta(days=1)),
    }.get(until, until)  # fmt: skip
    data = {"newsletters": "autre", "name": "Nina", "locale": "fr", "paused_until": given}
    answer = client.post(where(zoe), data=data, headers=FRENCH)
    assert answer.status_code == 422
    assert "Choisissez un jour à venir" in answer.text
    assert 'value="Nina"' in answer.text
    assert chosen() == {"lettre"}


def test_looking_changes_nothing(client: FlaskClient, zoe: UUID) -> None:
    with transaction() as db:
        before = db.scalar(select(func.count()).select_from(ConsentPayload))
    for _ in range(2):
        assert client.get(where(zoe)).status_code == client.head(where(zoe)).status_code == 200
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(ConsentPayload)) == before
    assert kinds() == []


def test_a_link_that_is_over_shows_the_way_on(
    client: FlaskClient, zoe: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = where(zoe)
    monkeypatch.setattr("mailer.web.public.preferences.OPEN_FOR", timedelta(seconds=-1))
    for answer in (
        client.get(link, headers=FRENCH),
        client.post(f"{link}/open", headers=FRENCH),
        client.post(link, headers=FRENCH),
        client.get("/preferences/x", headers=FRENCH),
    ):
        assert answer.status_code == 410
        assert 'href="/preferences"' in answer.text
    assert chosen() == {"lettre"}
