"""What a page or a mail says of the letters to come is what the ledger does, whatever happened before."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, event, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings
from mailer.core.tokens import Purpose
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox
from mailer.notices.models import Notice
from mailer.rendering.typography import long_day
from mailer.subscribers import signup
from mailer.subscribers.eligibility import PASSING, Withheld
from mailer.subscribers.models import Subscriber
from mailer.subscribers.recipients import recipient
from mailer.web.security import limiter
from tests.support.desk_client import FRENCH
from tests.support.life import STEPS, Life, make_newsletters
from tests.support.make import ask
from tests.support.notices import send_due
from tests.support.sink import Sink, running_sink

pytestmark = pytest.mark.usefixtures("clean")
NOT_FRESH = [HealthCheck.function_scoped_fixture]
OFTEN = [*STEPS, *["rest", "ask", "confirm", "leave"] * 3]  # what the subject is about
DOORS = "confirm", "back", "still", "form"
NEXT = "prochain numéro", "Vous recevrez le prochain numéro"
SUBSCRIBED = (
    "Votre inscription à",
    "otre abonnement continue",
    "Votre abonnement à",
    "Vous recevez déjà cette lettre",
    "est confirmée",
)
HELD_BACK = re.compile(r"suspendus jusqu’au ([^,]+?), à votre demande")
LEFT, BARRED = "Vous ne recevez plus", "sur la liste d’opposition"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    before, limiter.enabled = limiter.enabled, False
    yield app.test_client()
    limiter.enabled = before


def _withheld(life: Life, at: datetime | None = None) -> tuple[bool, Withheld | None]:
    """Whether there is a subscription, and what the ledger would do with it at that instant."""
    with transaction() as db:
        of = life.subscription(db)
        if of is None:
            return False, None
        rows = recipient(at)
        return True, db.scalar(select(rows.c.withheld).where(rows.c.subscription_id == of.id))


def _plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).replace("\u202f", " ").split())


def _compare(life: Life, text: str, settings: Settings) -> str:
    """Compare what is said with the ledger; return what was said."""
    there, withheld = _withheld(life)
    held_back = HELD_BACK.search(text)
    if any(words in text for words in NEXT) and not held_back:
        assert (there, withheld) == (True, None), text
        return "next"
    if any(words in text for words in SUBSCRIBED):
        if held_back is None:
            assert there, text
            assert withheld in {None, Withheld.UNINFORMED}, text
            return "subscribed"
        assert (there, withheld) == (True, Withheld.PAUSED), text
        with transaction() as db:
            until = db.scalar(select(Subscriber.paused_until).where(Subscriber.fingerprint == life.mark))
        assert until
        assert held_back[1] == long_day(until.astimezone(settings.zone).date(), "fr")
        assert _withheld(life, until + timedelta(seconds=1))[1] in {None, Withheld.UNINFORMED}
        return "paused"
    if LEFT in text or BARRED in text:
        assert not there or withheld not in {None, *PASSING}, text
        return "left"
    return "nothing"


def _visit(client: FlaskClient, life: Life, door: str, settings: Settings) -> Iterator[str]:
    """Yield what each page says, compared at once: the question, then its answer."""
    with transaction() as db:
        of, newsletter = life.subscription(db), db.get_one(Newsletter, life.newsletter_id)
        if of is None:
            return
        purpose = {"confirm": Purpose.CONFIRM, "back": Purpose.UNDO}.get(door)
        whose = of.subscriber_id.hex
        page = (
            f"/{door}/{tokens.issue(purpose, [of.id.hex, newsletter.slug])}"
            if purpose
            else f"/still/{tokens.issue(Purpose.RECONFIRM, whose)}"
        )
    for visit in (client.get, client.post, client.get):
        text = _plain(visit(page, headers=FRENCH).text)
        yield f"{visit.__name__} {_compare(life, text, settings)}"


def _sign_up(life: Life) -> None:
    """Do as the form and the worker do, a day after the last time."""
    life.now += timedelta(hours=25)
    with transaction() as db:
        ask(db, db.get_one(Newsletter, life.newsletter_id), life.email, now=life.now)
        asked = signup.next_due(db, now=life.now)
        decided = signup.decide(db, asked, now=life.now) if asked else None
        if decided:
            outbox.answer_signup(db, decided, now=utcnow())


def _mails(life: Life, sink: Sink, settings: Settings) -> Iterator[str]:
    """Yield what each mail to them says, compared as it leaves."""
    with transaction() as db:
        db.execute(update(Notice).values(due_at=utcnow()))
    sink.envelopes.clear()
    send_due(settings)
    for mail in sink.mails():
        body = mail.get_body(("plain",))
        if mail["To"].addresses[0].addr_spec == life.email and body:
            yield f"mail {_compare(life, _plain(body.get_content()), settings)}"


@given(steps=st.lists(st.sampled_from(OFTEN), max_size=7), door=st.sampled_from(DOORS))
@example(steps=["ask", "confirm", "rest", "leave"], door="back")
@example(steps=["ask", "rest", "ask"], door="confirm")
@example(steps=["ask", "confirm", "rest"], door="form")
@example(steps=["joined_elsewhere", "rest"], door="form")
@example(steps=["joined_elsewhere", "rest"], door="confirm")
@example(steps=["ask", "confirm", "bar"], door="back")
@example(steps=["ask", "confirm", "bar"], door="still")
@example(steps=["ask", "confirm", "leave"], door="still")
@example(steps=["ask", "confirm", "rest"], door="still")
@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=NOT_FRESH)
def test_what_is_said_is_what_the_ledger_does(
    client: FlaskClient, settings: Settings, sink: Sink, steps: Sequence[str], door: str
) -> None:
    through = settings.model_copy(update={"relay_url": sink.url})
    with transaction() as db:
        life = Life(make_newsletters(db, 1))
    for step in steps:
        life.live(step)
    if door == "form":
        _sign_up(life)
    else:
        for said in _visit(client, life, door, settings):
            event(said)
    for said in _mails(life, sink, through):
        event(said)


@pytest.mark.parametrize("door", ["confirm", "back"])
def test_a_pause_goes_on_and_the_page_says_until_when(
    client: FlaskClient, settings: Settings, sink: Sink, door: str
) -> None:
    """Whoever comes back while paused was told that the next issue was for them; it was not."""
    through = settings.model_copy(update={"relay_url": sink.url})
    with transaction() as db:
        life = Life(make_newsletters(db, 1))
    for step in ("ask",) if door == "confirm" else ("ask", "confirm", "leave"):
        life.live(step)
    day = (utcnow() + timedelta(days=40)).astimezone(settings.zone).date()
    with transaction() as db:
        until = datetime.combine(day, time(), settings.zone)
        db.execute(update(Subscriber).values(paused_until=until))
    said = list(_visit(client, life, door, settings))
    assert said[1:] == ["post paused", "get paused"]
    assert list(_mails(life, sink, through)) == ["mail paused"]
    assert _withheld(life) == (True, Withheld.PAUSED)
