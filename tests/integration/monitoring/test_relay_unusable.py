"""A relay that cannot be used stops confirmations: that is a hold, and a person is told within a minute."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from mailer import tasks
from mailer.core import circuit
from mailer.core.circuit import Hold
from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings
from mailer.delivery import audience, stalled
from mailer.delivery.models import Delivery
from mailer.monitoring import alarms, external_heartbeat, rounds
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox, send
from mailer.notices.models import Notice
from mailer.notices.worker import NoticeWorker
from mailer.smtp.relay_health import BROKEN_OFF, LOST, RelayHealth
from mailer.smtp.replies import DeliveryState
from mailer.smtp.session import TransactionEnd
from tests.support.make import make_newsletter, make_readers, make_scheduled_issue, sign_up
from tests.support.sink import Sink, running_sink
from tests.support.web_hook import WebHook

MADE: list[NoticeWorker] = []
PASSWORD = "the right one"


@pytest.fixture(autouse=True)
def no_connection_stays_open() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().close()


@pytest.fixture
def locked() -> Iterator[Sink]:
    """A relay that wants a password."""
    with running_sink(password=PASSWORD) as running:
        yield running


@pytest.fixture
def waiting(alive: None) -> None:
    """A confirmation that is due."""
    with transaction() as db:
        decided = sign_up(db, make_newsletter(db), now=utcnow())
        assert decided
        outbox.answer_signup(db, decided, now=utcnow())


def _through(given: Settings, sink: Sink, password: str, patch: pytest.MonkeyPatch) -> Settings:
    url = sink.url.replace("smtp://", f"smtp://mailer:{password.replace(' ', '%20')}@")
    changed = given.model_copy(update={"relay_url": url})
    _send_through(changed, patch)
    return changed


def _send_through(given: Settings, patch: pytest.MonkeyPatch) -> None:
    """Have single mails sent by a worker of these settings."""
    worker = NoticeWorker(given)
    patch.setattr(send, "_worker", lambda _: worker)
    MADE.append(worker)


def _hold() -> Hold | None:
    with transaction() as db:
        return circuit.known(db).get(circuit.RELAY)


def _end_of_hold() -> None:
    with transaction() as db:
        db.get_one(Hold, circuit.RELAY).until = utcnow() - timedelta(seconds=1)


def test_a_wrong_password_is_a_hold_told_within_a_minute_and_over_with_the_right_one(
    given: Settings, hook: WebHook, locked: Sink, waiting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = _through(given, locked, "a wrong one", monkeypatch)
    tasks.send_notices()
    hold = _hold()
    assert hold
    assert hold.reason.startswith("the login is refused: 127.0.0.1:")
    assert "535" in hold.reason
    tried = locked.logins
    tasks.send_notices()
    assert locked.logins == tried  # a wrong password is not tried all the time
    for after in (0, 30, 55):  # the beat asks for a sweep every thirty seconds
        rounds.look(clock=_in(hold.since, after))
        rounds.tell(wrong, clock=_in(hold.since, after))
    assert len(hook.texts()) == 1
    assert "Le serveur d’envoi ne peut pas être utilisé" in hook.texts()[0]
    assert "identification refusée" in hook.texts()[0]
    _end_of_hold()
    _through(given, locked, PASSWORD, monkeypatch)
    tasks.send_notices()
    assert len(locked.envelopes) == 1
    assert _hold() is None
    with transaction() as db:
        assert db.scalars(select(Notice.state)).one() is DeliveryState.ACCEPTED


def _in(since: datetime, seconds: float) -> rounds.Clock:
    return lambda: since + timedelta(seconds=seconds)


def test_nobody_is_needed_to_try_a_relay_that_is_down(given: Settings, waiting: None) -> None:
    """Also where no confirmation waits: the relay is tried each minute."""
    away = given.model_copy(update={"relay_url": "smtp://127.0.0.1:1"})
    assert external_heartbeat.try_relay(away, clock=utcnow) is False
    hold = _hold()
    assert hold
    assert hold.reason == "no connection: 127.0.0.1:1"
    assert external_heartbeat.try_relay(given, clock=utcnow) is False  # on hold
    _end_of_hold()
    assert external_heartbeat.try_relay(given, clock=utcnow) is True
    assert _hold() is None


@pytest.mark.parametrize("end", [TransactionEnd.UNKNOWN, TransactionEnd.INTERRUPTED])
def test_a_login_proves_nothing_of_a_relay_that_fails_later(given: Settings, end: TransactionEnd) -> None:
    health = RelayHealth()
    faults = {health.fault(end, at_the_dot=True) for _ in range(max(LOST, BROKEN_OFF))}
    (fault,) = faults - {None}
    assert fault
    with transaction() as db:
        circuit.hit(db, circuit.RELAY, fault, now=utcnow() - timedelta(minutes=1))
    assert external_heartbeat.try_relay(given, clock=utcnow) is False
    assert _hold() is not None
    with transaction() as db:
        (found,) = [each for each in alarms.find(db, now=utcnow()) if each.kind == circuit.RELAY]
    assert fault not in found.sentence("fr")  # it is one of the reasons that have their words
    assert "« " not in found.sentence("fr")
    with transaction() as db:  # nobody tried it any more: nothing is left to send
        db.get_one(Hold, circuit.RELAY).until = utcnow() - circuit.UNTRIED - timedelta(seconds=1)
    assert external_heartbeat.try_relay(given, clock=utcnow) is True


def test_a_relay_that_answers_a_send_is_not_put_on_hold_by_a_connection_too_many(
    given: Settings, waiting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take so many connections and no more: what leaves goes on, and the confirmation waits."""
    away = given.model_copy(update={"relay_url": "smtp://127.0.0.1:1"})
    _send_through(away, monkeypatch)
    with transaction() as db:
        newsletter = db.scalars(select(Newsletter)).one()
        make_readers(db, newsletter, 2)
        issue = make_scheduled_issue(db, newsletter)
        assert audience.freeze(db, issue.id, now=utcnow())
        answered = {"state": DeliveryState.ACCEPTED, "changed_at": utcnow()}
        db.execute(update(Delivery).where(Delivery.position == 1).values(answered))
    tasks.send_notices()
    assert external_heartbeat.try_relay(away, clock=utcnow) is True
    assert _hold() is None
    with transaction() as db:
        db.execute(update(Delivery).values(changed_at=utcnow() - stalled.JUST))
    tasks.send_notices()
    assert _hold() is not None
