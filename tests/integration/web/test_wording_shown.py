"""A yes is kept with the text that was on the screen: one that changed since is shown first."""

import re
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.tokens import Purpose
from mailer.newsletters.models import Newsletter
from mailer.subscribers import subscriptions
from mailer.subscribers.consent.models import ConsentPayload, Wording
from mailer.subscribers.models import Subscription, SubscriptionState
from tests.support.make import make_newsletter, make_pending

FRENCH = {"Accept-Language": "fr"}
_SHOWN = re.compile(r'name="wording" value="([0-9a-f]{64})"')


@pytest.fixture
def pending(clean: None) -> UUID:
    with transaction() as db:
        return make_pending(db, make_newsletter(db), now=utcnow()).id


@pytest.fixture
def client(app: Flask, pending: UUID) -> FlaskClient:
    return app.test_client(use_cookies=False)


def _path(of: UUID, where: str) -> str:
    """The page of a subscription in the state that it asks about."""
    with transaction() as db:
        if where in {"back", "still"}:
            subscriptions.confirm(db, of, now=utcnow())
        if where == "back":
            subscriptions.withdraw(db, of, channel="link", now=utcnow())
        subscriber_id = db.get_one(Subscription, of).subscriber_id
    return {
        "confirm": f"/confirm/{tokens.issue(Purpose.CONFIRM, [of.hex, 'lettre'])}",
        "back": f"/back/{tokens.issue(Purpose.UNDO, [of.hex, 'lettre'])}",
        "still": f"/still/{tokens.issue(Purpose.RECONFIRM, subscriber_id.hex)}",
    }[where]


def _rename(name: str) -> None:
    with transaction() as db:
        db.execute(update(Newsletter).where(Newsletter.slug == "lettre").values(name=name))


def _last() -> str | None:
    """The text of the last event of the file."""
    with transaction() as db:
        text = select(Wording.text).join(ConsentPayload, ConsentPayload.wording_sha256 == Wording.sha256)
        return db.scalar(text.order_by(ConsentPayload.at.desc()).limit(1))


@pytest.mark.parametrize("where", ["confirm", "back"])
def test_a_link_s_page_is_shown_again_with_the_text_of_today(
    client: FlaskClient, pending: UUID, where: str
) -> None:
    path = _path(pending, where)
    before = _last()
    old = _SHOWN.findall(client.get(path, headers=FRENCH).text)
    _rename("La gazette")
    again = client.post(path, data={"wording": old}, headers=FRENCH)
    assert "recevoir «\u00a0La gazette" in again.text
    assert _last() == before
    new = _SHOWN.findall(again.text)
    assert (len(new), new == old) == (1, False)
    client.post(path, data={"wording": new}, headers=FRENCH)
    last = _last()
    assert last is not None
    assert "La gazette" in last
    with transaction() as db:
        assert db.get_one(Subscription, pending).state is SubscriptionState.ACTIVE


@pytest.mark.parametrize(
    ("where", "english"),
    [
        ("confirm", "I agree to receive"),
        ("back", "I agree to receive"),
        ("still", "I want to keep receiving"),
    ],
)
def test_a_page_in_one_language_is_no_yes_to_the_other(
    client: FlaskClient, pending: UUID, where: str, english: str
) -> None:
    path = _path(pending, where)
    before = _last()
    old = _SHOWN.findall(client.get(path, headers=FRENCH).text)
    again = client.post(path, data={"wording": old}, headers={"Accept-Language": "en"})
    assert english in again.text
    assert _last() == before
    new = _SHOWN.findall(again.text)
    client.post(path, data={"wording": new}, headers={"Accept-Language": "en"})
    last = _last()
    assert last is not None
    assert last.startswith(english)


def test_preferences_show_a_letter_that_changed_again(client: FlaskClient, pending: UUID) -> None:
    with transaction() as db:
        subscriptions.confirm(db, pending, now=utcnow())
        subscriber_id = db.get_one(Subscription, pending).subscriber_id
        make_newsletter(db, slug="autre", name="Autre")
    path = f"/preferences/{tokens.issue(Purpose.PREFERENCES, [subscriber_id.hex])}"
    old = _SHOWN.findall(client.post(f"{path}/open", headers=FRENCH).text)
    with transaction() as db:
        db.execute(update(Newsletter).where(Newsletter.slug == "autre").values(name="Autrement"))
    data = {"newsletters": ["lettre", "autre"], "before": "lettre", "locale": "fr", "name": "Zoé"}
    again = client.post(path, data=data | {"wording": old}, headers=FRENCH)
    assert again.status_code == 422
    assert "Une lettre a changé entre-temps" in again.text
    new = _SHOWN.findall(again.text)
    assert "C’est enregistré" in client.post(path, data=data | {"wording": new}, headers=FRENCH).text
    last = _last()
    assert last is not None
    assert "Autrement" in last
