"""The alarms at the desk: those that stand, who looks after them, and those of the last month."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mailer.core import circuit, heartbeats
from mailer.core.db import transaction, utcnow
from mailer.monitoring import alarms, lifecycle
from mailer.monitoring.models import Alarm, AlarmChannel
from mailer.rendering.typography import french
from tests.support.desk_client import log_in, token
from tests.support.desk_rows import make_staff

FRENCH = {"Accept-Language": "fr"}
SENTENCE = "La clé DKIM ne peut pas être lue"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Léa, logged in, while the key cannot be read and everything else is well."""
    with transaction() as db:
        make_staff(db)
        for kind in alarms.KINDS_OF_PROCESS:
            heartbeats.beat(db, uuid4(), kind)
        circuit.hit(db, circuit.DKIM, "the DKIM key cannot be read: /key", now=utcnow())
        lifecycle.remember(db, alarms.find(db, now=utcnow()), now=utcnow())
    client = app.test_client()
    assert log_in(client).status_code == 303
    return client


def _page(client: FlaskClient, path: str = "/desk/alarms") -> str:
    return client.get(path, headers=FRENCH).text


def _acknowledge(client: FlaskClient) -> None:
    with transaction() as db:
        (alarm,) = lifecycle.current(db)
    data = {"csrf_token": token(client, "/desk/alarms")}
    answer = client.post(f"/desk/alarms/{alarm.id}/acknowledge", data=data, headers=FRENCH)
    assert answer.location == "/desk/alarms"


def test_an_alarm_that_stands_is_shown_and_taken_on_by_name(client: FlaskClient) -> None:
    page = _page(client)
    assert SENTENCE in page
    assert "pas encore" in page
    assert "Je m’en occupe" in page
    assert "alert-error" not in page  # it is said once
    with transaction() as db:
        due = lifecycle.due(db, AlarmChannel.POST, now=utcnow() + timedelta(minutes=2))
        lifecycle.told(db, AlarmChannel.POST, due, now=utcnow())
    assert french("Message publié") in _page(client)
    _acknowledge(client)
    page = _page(client)
    assert SENTENCE in page
    assert "Je m’en occupe" not in page
    assert len(re.findall("Léa Martin", page)) == 2  # in the bar, and here
    with transaction() as db:
        kept = db.scalars(select(Alarm)).one()
        assert kept.acknowledged_by is not None
        assert kept.acknowledged_at is not None


def test_the_banner_says_what_nobody_has_taken_on(client: FlaskClient) -> None:
    assert SENTENCE in _page(client, "/desk/")
    _acknowledge(client)
    assert SENTENCE not in _page(client, "/desk/")
    assert "DKIM" in str(client.get("/readyz").json)


def test_a_second_click_changes_nothing(client: FlaskClient) -> None:
    with transaction() as db:
        (alarm,) = lifecycle.current(db)
    url = f"/desk/alarms/{alarm.id}/acknowledge"
    data = {"csrf_token": token(client, "/desk/alarms")}
    assert client.get(url).status_code == 405
    assert client.post(url, data=data).status_code == 303
    with transaction() as db:
        (before,) = lifecycle.current(db)
    assert client.post(url, data=data).status_code == 303
    with transaction() as db:
        (after,) = lifecycle.current(db)
    assert (after.acknowledged_at, after.acknowledged_by) == (before.acknowledged_at, before.acknowledged_by)
    assert french("Rien n’a changé") in _page(client)


def test_what_is_over_is_in_the_list_below(client: FlaskClient) -> None:
    later = utcnow() + timedelta(minutes=5)
    with transaction() as db:
        lifecycle.remember(db, alarms.find(db, now=later), now=later)
        circuit.clear(db, circuit.DKIM)
        lifecycle.remember(db, alarms.find(db, now=later), now=later + timedelta(minutes=1))
    page = _page(client)
    assert "Aucune alarme en cours" in page
    assert "Clé DKIM inutilisable" in page


def test_what_is_not_in_the_list_yet_is_shown_all_the_same(client: FlaskClient) -> None:
    """Where no process looks for alarms any more, the page itself does."""
    with transaction() as db:
        circuit.hit(db, circuit.JOURNAL, "cannot be written: Permission denied", now=utcnow())
    page = _page(client)
    assert "Le journal de l’envoi ne peut pas être écrit (droits insuffisants sur le dossier)" in page
    assert "alert-error" in page
