"""The life of an alarm, told to a real relay and a real HTTP server: raised, repeated, taken on, resolved."""

from datetime import timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from mailer.core import circuit
from mailer.core.db import engine, transaction
from mailer.core.settings import Settings
from mailer.monitoring import alarms, channels, lifecycle, rounds
from mailer.monitoring.models import Alarm
from mailer.privacy.retention import rules
from tests.support.make import EPOCH
from tests.support.sink import Sink
from tests.support.web_hook import WebHook, running_hook

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ZOE = "zoe@example.org"


def _round(given: Settings, after: timedelta) -> None:
    rounds.look(clock=lambda: EPOCH + after)
    rounds.tell(given, clock=lambda: EPOCH + after)


def _no_key(after: timedelta = timedelta(0), reason: str = "the DKIM key cannot be read: /key") -> None:
    with transaction() as db:
        circuit.hit(db, circuit.DKIM, reason, now=EPOCH + after)


def _key() -> None:
    with transaction() as db:
        circuit.clear(db, circuit.DKIM)


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body
    return str(body.get_content())


def _alarm() -> Alarm:
    with transaction() as db:
        return db.scalars(select(Alarm)).one()


def _told(sink: Sink, hook: WebHook) -> tuple[int, int]:
    return len(sink.envelopes), len(hook.asked)


def test_it_is_told_once_then_daily_until_somebody_takes_it_on_then_its_end(
    given: Settings, sink: Sink, hook: WebHook
) -> None:
    _no_key()
    _round(given, timedelta(seconds=30))
    assert _told(sink, hook) == (0, 0)  # a restart raises none
    for after in (MINUTE, 2 * MINUTE, 12 * 60 * MINUTE):
        _round(given, after)
    assert _told(sink, hook) == (1, 1)
    assert hook.asked[0][:2] == ("POST", "application/json")
    assert "MAILER_DKIM_KEY_FILE" in hook.texts()[0]
    assert "/desk/alarms" in hook.texts()[0]
    assert _text(sink.mails()[0]).split() == hook.texts()[0].split()
    _round(given, DAY + 2 * MINUTE)
    assert _told(sink, hook) == (2, 2)
    assert "Rappel" in hook.texts()[1]
    with transaction() as db:
        assert lifecycle.acknowledge(db, _alarm().id, by="lea", now=EPOCH + DAY)
        assert not lifecycle.acknowledge(db, _alarm().id, by="marc", now=EPOCH + DAY)
    for days in (2, 3, 9):
        _round(given, days * DAY + 3 * MINUTE)
    assert _told(sink, hook) == (2, 2)
    assert _alarm().acknowledged_by == "lea"
    _key()
    for more in (0, 1, 2, 3, 4):
        _round(given, 10 * DAY + more * MINUTE)
    assert _told(sink, hook) == (3, 3)
    assert "Rétabli" in sink.mails()[2]["Subject"]
    assert "rétabli le" in hook.texts()[2]
    with transaction() as db:
        assert lifecycle.current(db) == []
        assert [each.kind for each in lifecycle.past(db)] == ["dkim"]


def test_one_that_comes_back_at_once_is_the_same_and_is_not_told_again(
    given: Settings, sink: Sink, hook: WebHook
) -> None:
    _no_key()
    _round(given, MINUTE)
    _key()
    _round(given, 2 * MINUTE)
    _no_key(3 * MINUTE)
    for minutes in range(3, 9):
        _round(given, minutes * MINUTE)
    assert _told(sink, hook) == (1, 1)
    assert _alarm().resolved_at is None
    assert _alarm().since == EPOCH


def test_one_that_is_over_before_anybody_was_to_be_told_leaves_nothing(
    given: Settings, sink: Sink, hook: WebHook
) -> None:
    _no_key()
    _round(given, timedelta(seconds=30))
    _key()
    for minutes in range(1, 6):
        _round(given, minutes * MINUTE)
    assert _told(sink, hook) == (0, 0)
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(Alarm)) == 0


def test_what_a_relay_that_is_down_cannot_carry_is_posted_and_said_in_the_log(
    given: Settings, hook: WebHook, sink: Sink
) -> None:
    away = given.model_copy(update={"relay_url": "smtp://127.0.0.1:1"})
    _no_key()
    with capture_logs() as logs:
        _round(away, MINUTE)
    assert len(hook.asked) == 1
    (failed,) = [each for each in logs if each["event"] == "nobody could be told"]
    assert failed["log_level"] == "error"
    assert (failed["channel"], failed["alarms"]) == ("mail", "dkim:dkim")
    assert "127.0.0.1:1" in failed["reason"]
    with transaction() as db:
        assert circuit.RELAY in circuit.known(db)  # whoever finds it so notes it
        circuit.clear(db, circuit.RELAY)
    _round(given, 2 * MINUTE)
    assert _told(sink, hook) == (1, 1)  # the mail follows, and the post is not repeated


def test_a_hook_that_fails_keeps_no_mail_from_leaving_and_is_tried_again(
    given: Settings, sink: Sink, hook: WebHook
) -> None:
    hook.statuses = [500] * channels.TRIES
    _no_key()
    with capture_logs() as logs:
        _round(given, MINUTE)
    assert _told(sink, hook) == (1, channels.TRIES)
    (failed,) = [each for each in logs if each["event"] == "nobody could be told"]
    assert failed["log_level"] == "error"
    assert (failed["channel"], failed["reason"]) == ("post", "HTTP 500")
    hook.statuses = [503]
    _round(given, 2 * MINUTE)
    assert _told(sink, hook) == (1, channels.TRIES + 2)  # one more try was enough
    _round(given, 3 * MINUTE)
    assert _told(sink, hook) == (1, channels.TRIES + 2)


def test_a_hook_that_does_not_answer_is_given_up_and_its_address_stays_secret(
    given: Settings, sink: Sink, hook: WebHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "TIMEOUT", 0.2)
    hook.delay = 1.0
    _no_key()
    with capture_logs() as logs:
        _round(given, MINUTE)
    assert len(sink.envelopes) == 1
    (failed,) = [each for each in logs if each["event"] == "nobody could be told"]
    assert failed["reason"] == "TimeoutError"
    assert "s3cret" not in str(logs)


def test_what_is_posted_follows_no_redirect(given: Settings, hook: WebHook) -> None:
    with running_hook() as other:
        hook.statuses, hook.location = [302] * channels.TRIES, other.url
        _no_key()
        _round(given, MINUTE)
        assert len(hook.asked) == channels.TRIES
        assert other.asked == []


def test_no_address_leaves_in_what_is_told(given: Settings, sink: Sink, hook: WebHook) -> None:
    with transaction() as db:
        circuit.hit(db, "gmail", f"421 4.7.0 <{ZOE}> later", now=EPOCH)
    _round(given, alarms.PROVIDER_ALARM_AFTER + MINUTE)
    said = hook.texts()[0] + _text(sink.mails()[0])
    assert "421 4.7.0" in said
    assert ZOE not in said


def test_without_a_hook_only_the_mail_leaves(given: Settings, sink: Sink, hook: WebHook) -> None:
    _no_key()
    _round(given.model_copy(update={"alert_url": None}), MINUTE)
    assert _told(sink, hook) == (1, 0)


def test_two_rounds_at_once_tell_it_once(given: Settings, sink: Sink, hook: WebHook) -> None:
    _no_key()
    with rounds._alone(rounds._TELLING) as mine:
        assert mine
        _round(given, MINUTE)
    assert _told(sink, hook) == (0, 0)
    _round(given, MINUTE)
    assert _told(sink, hook) == (1, 1)
    assert engine().pool.checkedout() == 0  # type: ignore[attr-defined]


def test_what_is_over_is_kept_for_a_month(given: Settings) -> None:
    _no_key()
    _round(given, MINUTE)
    _key()
    _round(given, 5 * MINUTE)

    def left(after: timedelta) -> int:
        list(rules.run([lifecycle.RULE], dry=False, clock=lambda: EPOCH + after))
        with transaction() as db:
            return len(lifecycle.past(db))

    assert left(5 * MINUTE + lifecycle.HISTORY - MINUTE) == 1
    assert left(5 * MINUTE + lifecycle.HISTORY) == 0
