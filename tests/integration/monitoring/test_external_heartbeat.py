"""The heartbeat URL is called each minute, and only while beat, workers, database and relay live."""

from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, func, text, update

from mailer import tasks
from mailer.core import circuit
from mailer.core.db import transaction, utcnow
from mailer.core.heartbeats import Heartbeat
from mailer.core.settings import Settings
from mailer.monitoring import channels, external_heartbeat, lifecycle, rounds, watchdog
from mailer.monitoring.alarms import KINDS_OF_PROCESS
from tests.support.web_hook import WebHook


@pytest.fixture
def watched(given: Settings, hook: WebHook, monkeypatch: pytest.MonkeyPatch) -> Settings:
    changed = given.model_copy(update={"alert_url": None, "heartbeat_url": SecretStr(hook.url)})
    monkeypatch.setattr(watchdog, "settings", lambda: changed)
    return changed


def _a_minute_later() -> None:
    with transaction() as db:
        minute = text("interval '61 seconds'")
        theirs = Heartbeat.kind.not_in(KINDS_OF_PROCESS)
        db.execute(update(Heartbeat).where(theirs).values(seen_at=func.now() - minute))


def test_it_is_called_once_a_minute_however_many_workers_look(watched: Settings, hook: WebHook) -> None:
    for _ in range(3):
        watchdog._send_heartbeat()
    assert [method for method, _, _ in hook.asked] == ["GET"]
    _a_minute_later()
    for _ in range(3):
        watchdog._send_heartbeat()
    assert len(hook.asked) == 2


@pytest.mark.parametrize("kind", KINDS_OF_PROCESS)
def test_it_is_not_called_while_a_process_is_missing(watched: Settings, hook: WebHook, kind: str) -> None:
    with transaction() as db:
        db.execute(delete(Heartbeat).where(Heartbeat.kind == kind))
    watchdog._send_heartbeat()
    assert hook.asked == []


def test_it_is_not_called_while_the_relay_is_on_hold_or_cannot_be_reached(
    watched: Settings, hook: WebHook
) -> None:
    away = watched.model_copy(update={"relay_url": "smtp://127.0.0.1:1"})
    assert external_heartbeat.run(away, clock=utcnow) is False
    assert external_heartbeat.run(watched, clock=utcnow) is False  # on hold
    assert hook.asked == []
    with transaction() as db:
        assert circuit.RELAY in circuit.known(db)
    assert external_heartbeat.run(watched, clock=lambda: utcnow() + timedelta(minutes=2)) is True
    assert len(hook.asked) == 1


def test_a_round_of_alarms_that_nobody_does_is_done_by_whoever_lives(
    watched: Settings, hook: WebHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[object] = []
    real = rounds.look

    def counted(*args: object, **values: object) -> None:
        done.append(args)
        real(*args, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(rounds, "look", counted)
    watchdog._look_if_nobody_does()
    watchdog._look_if_nobody_does()
    assert len(done) == 1
    _a_minute_later()
    watchdog._look_if_nobody_does()
    assert len(done) == 2


def test_a_watchdog_outlives_whatever_it_meets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that ends writes no heartbeat any more, and restarts nobody."""
    looks = iter([KeyError("unforeseen"), None, SystemExit()])

    def look(_: object) -> None:
        if error := next(looks):
            raise error

    monkeypatch.setattr(watchdog.Watchdog, "_look", look)
    monkeypatch.setattr(watchdog, "LOOK_EVERY", 0.0)
    with pytest.raises(SystemExit):  # the third look: two did not end it
        watchdog.Watchdog.run(watchdog.Watchdog.__new__(watchdog.Watchdog))


def test_a_hook_that_never_answers_holds_up_no_sweep(
    watched: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep looks for alarms; whoever tells them does so in a thread of its own."""

    def called(*_: object, **__: object) -> None:
        raise AssertionError("the sweep speaks to a server")

    monkeypatch.setattr(channels, "post", called)
    monkeypatch.setattr(channels, "mail", called)
    with transaction() as db:
        circuit.hit(db, circuit.DKIM, "the DKIM key cannot be read: /key", now=utcnow() - timedelta(hours=1))
    tasks.sweep()
    with transaction() as db:
        assert "dkim:dkim" in {each.name for each in lifecycle.current(db)}
