"""Imported people whom no first message reached are tried again, then shown by reason with a way on."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings
from mailer.imports import introductions
from mailer.imports import refused_introductions as refused
from mailer.imports.introductions import AGAIN_AFTER, TRIES
from mailer.monitoring import alarms
from mailer.newsletters.models import Newsletter
from mailer.notices.models import Notice
from mailer.privacy.retention import rules
from mailer.smtp.replies import Refusal, refusal_of
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState
from tests.support.desk_client import FRENCH, token
from tests.support.make import EPOCH, import_people, make_newsletter
from tests.support.notices import send_due
from tests.support.sink import Sink, running_sink

pytestmark = pytest.mark.usefixtures("clean")
DEAD, FULL, BLOCKED, FINE = (f"{name}@example.org" for name in ("dead", "full", "blocked", "fine"))
REPLIES = {
    DEAD: "550 5.1.1 <dead@example.org>: no such user",
    FULL: "552 5.2.2 mailbox full",
    BLOCKED: "550 5.7.1 blocked",
}


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        sink.refusals |= REPLIES
        yield sink


@pytest.fixture
def through(settings: Settings, sink: Sink) -> Settings:
    with transaction() as db:
        import_people(db, make_newsletter(db), [DEAD, FULL, BLOCKED, FINE], now=EPOCH)
    return settings.model_copy(update={"relay_url": sink.url})


def _try(through: Settings, now: datetime) -> int:
    """What the worker does once; how many were introduced."""
    with transaction() as db:
        begun = introductions.introduce(db, now=now)
    send_due(through)
    return begun


def _try_enough(through: Settings) -> list[int]:
    """Try until nobody is tried any more."""
    tried = []
    for _ in range(TRIES + 1):
        tried.append(_try(through, utcnow()))
        _wait()
    return tried


def _wait() -> None:
    """Let three days pass: each refusal ages by as much."""
    with transaction() as db:
        db.execute(update(Notice).values(due_at=Notice.due_at - AGAIN_AFTER))


def _groups() -> dict[Refusal, list[str]]:
    with transaction() as db:
        return {group.reason: group.addresses for group in refused.groups(db)}


def test_a_refused_introduction_is_tried_again_but_of_nobodys_mailbox(through: Settings, sink: Sink) -> None:
    """Before, one refusal left them out of every letter for ever, in no list."""
    assert _try(through, utcnow()) == 4
    assert _try(through, utcnow()) == 0
    assert _groups() == {Refusal.NO_MAILBOX: [DEAD]}
    _wait()
    assert _try(through, utcnow()) == 2
    _wait()
    del sink.refusals[FULL]
    assert _try(through, utcnow()) == 2
    with transaction() as db:
        informed = select(Subscriber.email).join(Subscription, Subscription.subscriber_id == Subscriber.id)
        assert set(db.scalars(informed.where(Subscription.informed_at.is_not(None)))) == {FINE, FULL}


def test_those_tried_enough_are_shown_by_reason_and_somebody_is_told(through: Settings) -> None:
    assert _try_enough(through) == [4, *[2] * (TRIES - 1), 0]
    assert _groups() == {
        Refusal.NO_MAILBOX: [DEAD], Refusal.FULL: [FULL], Refusal.POLICY: [BLOCKED]
    }  # fmt: skip
    with transaction() as db:
        [said] = [each for each in alarms.find(db, now=utcnow()) if each.kind == "introductions"]
        assert said.values == {"rows": 3}
        assert (
            DEAD not in db.execute(select(func.string_agg(func.coalesce(Notice.reply, ""), " "))).scalar_one()
        )


def test_their_refusals_are_kept_until_somebody_has_chosen(through: Settings) -> None:
    """Else they would be tried anew each time that traces are deleted."""
    _try_enough(through)
    list(rules.run(rules.RULES, dry=False, clock=lambda: utcnow() + timedelta(days=400)))
    assert set(_groups()) == {Refusal.NO_MAILBOX, Refusal.FULL, Refusal.POLICY}


@pytest.mark.parametrize(
    ("code", "enhanced", "reason"),
    [
        (550, "5.1.1", Refusal.NO_MAILBOX),
        (452, "4.2.2", Refusal.FULL),
        (554, "5.7.26", Refusal.POLICY),
        (451, "", Refusal.DELAYED),
        (550, "", Refusal.OTHER),
        (550, "5.1.8", Refusal.POLICY),
    ],
)
def test_which_reason_a_reply_gives(code: int, enhanced: str, reason: Refusal) -> None:
    assert refusal_of(code, enhanced) is reason


# -- at the desk -----------------------------------------------------------------


@pytest.fixture
def client(desk: FlaskClient) -> FlaskClient:
    return desk


def _decide(client: FlaskClient, reason: str, act: str) -> str:
    with transaction() as db:
        letter = db.scalars(select(Newsletter.id)).one()
    form = {"act": act, "csrf_token": token(client, "/desk/rights/new")}
    answer = client.post(f"/desk/people/not-reached/{letter}/{reason}", data=form, headers=FRENCH)
    assert answer.status_code == 303
    return client.get(answer.location, headers=FRENCH).text


def test_each_reason_has_a_way_on(client: FlaskClient, through: Settings, sink: Sink) -> None:
    _try_enough(through)
    assert "3 personnes importées" in client.get("/desk/people", headers=FRENCH).text
    page = client.get("/desk/people/not-reached", headers=FRENCH).text
    for words in (
        "n’existe pas",
        "La boîte de réception est pleine",
        "Refusé par une règle",
        DEAD,
        FULL,
        "552 5.2.2",
    ):
        assert words in page
    assert FINE not in page
    sink.refusals.clear()
    assert "renvoyé" in _decide(client, "full", "retry")
    assert Refusal.FULL not in _groups()
    send_due(through)
    assert "ne recevra plus rien" in _decide(client, "no_mailbox", "drop")
    assert "Rien n’a changé" in _decide(client, "no_mailbox", "drop")
    assert set(_groups()) == {Refusal.POLICY}
    with transaction() as db:
        rows = select(Subscriber.email, Subscription.state, Subscription.informed_at.is_not(None))
        joined = rows.join(Subscription, Subscription.subscriber_id == Subscriber.id)
        assert {tuple(row) for row in db.execute(joined)} == {
            (DEAD, SubscriptionState.ENDED, False), (FULL, SubscriptionState.ACTIVE, True),
            (BLOCKED, SubscriptionState.ACTIVE, False), (FINE, SubscriptionState.ACTIVE, True),
        }  # fmt: skip
        ended = select(ConsentPayload.kind).where(ConsentPayload.channel == "undeliverable")
        assert db.scalars(ended).all() == ["expired"]
        assert db.scalars(select(Audit.what).order_by(Audit.id)).all() == [
            "introductions retry", "introductions drop"
        ]  # fmt: skip


def test_a_retry_that_is_refused_comes_back_to_the_list(
    client: FlaskClient, through: Settings, sink: Sink
) -> None:
    _try_enough(through)
    _decide(client, "policy", "retry")
    assert Refusal.POLICY not in _groups()
    send_due(through)
    assert _groups()[Refusal.POLICY] == [BLOCKED]


def test_a_corrected_file_brings_them_back(client: FlaskClient, through: Settings) -> None:
    """That staff stop writing to somebody is no no of theirs."""
    _try_enough(through)
    _decide(client, "no_mailbox", "drop")
    with transaction() as db:
        letter = db.scalars(select(Newsletter)).one()
        assert import_people(db, letter, [DEAD], now=utcnow()) == ["new"]
    assert _try(through, utcnow()) == 1
