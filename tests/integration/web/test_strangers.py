"""What a stranger can make the sign-up form do, or tell: nothing."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

from mailer import tasks
from mailer.core import clock
from mailer.core.after_commit import Task
from mailer.core.db import engine, transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings, settings
from mailer.newsletters import newsletters
from mailer.notices.models import Notice
from mailer.subscribers import subscriptions
from mailer.subscribers.consent import wordings
from mailer.subscribers.models import SignupRequest, Suppression, SuppressionReason
from mailer.web import maintenance
from mailer.web.app import create_app
from mailer.web.public.forms import shown_at
from mailer.web.security import limiter
from tests.integration.web.test_public import shown_long_ago
from tests.support.make import make_newsletter, make_pending, make_readers

FLOOD = int(os.environ.get("MAILER_TEST_FLOOD", "120"))


@pytest.fixture
def client(settings: Settings, clean: None, asked_for: list[Task]) -> FlaskClient:
    """Behind a proxy, so that a stranger may come from anywhere."""
    app: Flask = create_app(settings.model_copy(update={"proxies": 1}))
    with app.app_context():
        limiter.reset()
    with transaction() as db:
        make_newsletter(db)
    return app.test_client(use_cookies=False)


def post(client: FlaskClient, email: str, network: int = 0, **data: str) -> Any:
    form = {"email": email, "consent": "yes", "shown": shown_long_ago()} | data
    source = f"10.{network >> 8 & 255}.{network & 255}.7"
    return client.post("/lettre/", data=form, headers={"X-Forwarded-For": source, "Accept-Language": "fr"})


def spellings() -> Iterator[str]:
    """victim@gmail.com, as many ways as one likes."""
    for number in range(FLOOD):
        cut = number % 6
        dotted = "victim"[:cut] + "." * (cut > 0) + "victim"[cut:]
        yield f"{dotted}+{number}@{('gmail.com', 'googlemail.com', 'GMAIL.com')[number % 3]}"


def notices() -> int:
    with transaction() as db:
        return db.scalar(select(func.count()).select_from(Notice)) or 0


def test_a_mailbox_is_not_bombed(client: FlaskClient) -> None:
    for number, email in enumerate(spellings()):
        assert post(client, email, number).status_code == 303
    while _requests():
        tasks.signups()
    assert 1 <= notices() <= 3


def _requests() -> int:
    with transaction() as db:
        return db.scalar(select(func.count()).select_from(SignupRequest)) or 0


def test_a_network_is_held_back_whatever_address_it_gives_itself(client: FlaskClient) -> None:
    def from_address(last: int) -> int:
        form = {"email": f"r{last}@example.org", "consent": "yes", "shown": shown_long_ago()}
        source = {"X-Forwarded-For": f"192.0.2.{last}"}
        return int(client.post("/lettre/", data=form, headers=source).status_code)

    assert [from_address(last) for last in range(1, 12)] == [303] * 10 + [429]


@contextmanager
def statements() -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    said: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        said.append(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maintenance, "FRESH", 0.0)  # it asks at each request, not once a second
        patch.setattr(clock, "LOOK_EVERY", math.inf)  # and what o'clock it is, whoever comes
        event.listen(engine(), "before_cursor_execute", note)
        yield said
        event.remove(engine(), "before_cursor_execute", note)


def test_nothing_tells_who_is_known(client: FlaskClient, asked_for: list[Task]) -> None:
    with transaction() as db:
        newsletter = newsletters.newsletter(db, "lettre")
        assert newsletter
        make_readers(db, newsletter, 1)
        for name in ("waiting", "confirmed"):
            pending = make_pending(db, newsletter, email=f"{name}@example.org", now=utcnow())
        subscriptions.confirm(db, pending.id, now=utcnow())
        mark = fingerprint_of("never@example.org")
        db.add(Suppression(fingerprint=mark, reason=SuppressionReason.OBJECTED, at=utcnow()))
    client.get("/lettre/")  # the first request of all compares the database with its witnesses
    seen = set()
    asked_for.clear()
    for name in ("unknown", "reader0", "confirmed", "waiting", "never"):
        with statements() as said:
            answer = post(client, f"{name}@example.org")
            page = client.get(answer.headers["Location"])
        seen.add((answer.status_code, answer.data, str(answer.headers), tuple(said), page.data))
    assert len(seen) == 1
    assert asked_for == []


@pytest.mark.parametrize("path", ["/preferences", "/rights"])
@pytest.mark.parametrize("email", ["unknown@example.org", "reader0@example.org"])
def test_no_form_of_a_stranger_s_wakes_a_worker(
    client: FlaskClient, asked_for: list[Task], path: str, email: str
) -> None:
    """The time of the answer, or of the next, would tell what it caused."""
    with transaction() as db:
        newsletter = newsletters.newsletter(db, "lettre")
        assert newsletter
        make_readers(db, newsletter, 1)
    asked_for.clear()
    assert client.post(path, data={"email": email}).status_code == 303
    assert asked_for == []
    tasks.tick()
    assert asked_for == [Task.SIGNUPS]


@pytest.mark.parametrize("shown", ["", "forged", "just now", "of another form"])
def test_a_form_sent_blindly_or_at_once_is_shown_again_with_what_was_typed(
    client: FlaskClient, shown: str
) -> None:
    wording, now = wordings.current_wording("La lettre", settings().controller_name, "fr"), utcnow()
    given = {"just now": shown_at("lettre", wording, now),
             "of another form": shown_at("other", wording, now - timedelta(minutes=1))}  # fmt: skip
    answer = post(client, "zoe@example.org", name="Zoé", shown=given.get(shown, shown))
    assert answer.status_code == 422
    quick = "moins de deux secondes" in answer.text
    assert quick is (shown == "just now")
    assert quick or "Vérifiez votre saisie" in answer.text
    assert 'name="consent" type="checkbox" value="yes" required checked' in answer.text
    assert 'value="zoe@example.org"' in answer.text
    assert 'value="Zoé"' in answer.text
    assert _requests() == 0
