"""The worker of single mails: order, pace and connections, on a real relay and a real Redis."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
import redis
from sqlalchemy import func, select, update

from mailer import tasks
from mailer.core import circuit, jobs
from mailer.core.after_commit import Task
from mailer.core.db import transaction, utcnow
from mailer.core.jobs import Job
from mailer.core.settings import Settings
from mailer.notices import outbox, send
from mailer.notices.models import Notice, NoticeKind, Priority
from mailer.notices.pace import BULK_PART
from mailer.notices.worker import NoticeWorker
from mailer.smtp import routes
from mailer.smtp.providers import Providers
from mailer.smtp.rate import BURST, RateLimiter
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import subscriptions
from mailer.subscribers.signup import Due, SignupDecision
from tests.support.broken import broken
from tests.support.make import make_newsletter, make_pending
from tests.support.notices import send_due
from tests.support.sink import Sink, running_sink
from tests.support.waiting import PATIENCE, until

pytestmark = pytest.mark.usefixtures("clean")
ZOE = "zoe@example.net"
KINDS = {Priority.URGENT: NoticeKind.RIGHTS, Priority.NORMAL: NoticeKind.OBJECTED}


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture
def through(settings: Settings, sink: Sink) -> Settings:
    with redis.Redis.from_url(settings.redis_url or "") as client:
        client.delete("mailer:pace", "mailer:pace:bulk")
    return settings.model_copy(update={"relay_url": sink.url})


def _post(*emails: str, priority: Priority = Priority.URGENT, ago: float = 0) -> None:
    """Queue a mail to each of these, due so many seconds ago."""
    with transaction() as db:
        for number, email in enumerate(emails):
            now = utcnow() - timedelta(seconds=ago, microseconds=len(emails) - number)
            notice_id = outbox.post(
                db, NoticeKind.NOTHING_HELD, email=email, locale="fr", now=now,
                facts={"link": "/rights", "dpo": "dpo@example.org"},
            )  # fmt: skip
            db.execute(update(Notice).where(Notice.id == notice_id).values(priority=priority))


def _many(count: int, domain: str = "example.org") -> list[str]:
    return [f"reader{number}@{domain}" for number in range(count)]


def _states() -> set[tuple[DeliveryState, int]]:
    with transaction() as db:
        return {(state, attempts) for state, attempts in db.execute(select(Notice.state, Notice.attempts))}


@contextmanager
def working(settings: Settings) -> Iterator[NoticeWorker]:
    """A worker that works in stretches, beside the test, until this block's end."""
    ended = threading.Event()
    worker = NoticeWorker(settings)

    def work() -> None:
        while not ended.is_set():
            worker.work(time.monotonic() + 0.2)
            time.sleep(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield worker
    finally:
        ended.set()
        thread.join(PATIENCE)
        worker.close()


def test_the_most_urgent_leave_first(sink: Sink, through: Settings) -> None:
    one = through.model_copy(update={"connections": 1})
    _post("bulk@example.org", "more@example.org", priority=Priority.BULK, ago=60)
    _post("normal@example.org", priority=Priority.NORMAL, ago=30)
    _post(ZOE)
    assert send_due(one) == 4
    assert sink.took() == [ZOE, "normal@example.org", "bulk@example.org", "more@example.org"]


def test_bulk_never_takes_the_last_connection(sink: Sink, through: Settings) -> None:
    """A relay that thinks about each introduction for long keeps no confirmation waiting."""
    sink.holding_dots = True
    _post(*_many(12), priority=Priority.BULK)
    with working(through):
        until(lambda: sink.held == through.connections - 1, "bulk did not begin")
        _post(ZOE)
        until(lambda: ZOE in sink.took(), "the confirmation waits behind bulk")
        assert len(sink.took()) == through.connections
        sink.holding_dots = False
        until(lambda: _states() == {(DeliveryState.ACCEPTED, 1)}, "not all were recorded")
    assert len(sink.took()) == len(set(sink.took())) == 13


def test_a_stretch_ends_in_time_and_the_next_takes_up_the_replies(sink: Sink, through: Settings) -> None:
    sink.holding_dots = True
    _post(*_many(9))
    worker = NoticeWorker(through)
    started = time.monotonic()
    while sink.held < through.connections:
        assert worker.work(time.monotonic() + 0.1)
        assert time.monotonic() - started < PATIENCE
    assert _states() == {(DeliveryState.PENDING, 0), (DeliveryState.PENDING, 1)}
    sink.holding_dots = False
    until(lambda: not worker.work(time.monotonic() + 0.1), "it never ends")
    assert _states() == {(DeliveryState.ACCEPTED, 1)}
    assert sorted(sink.took()) == sorted(_many(9))
    assert len(sink.clients) == through.connections  # the same as before
    worker.close()


def test_connections_stay_open_from_one_task_to_the_next(sink: Sink, through: Settings) -> None:
    worker = NoticeWorker(through.model_copy(update={"connections": 1}))
    for email in _many(3):
        _post(email)
        until(lambda: not worker.work(time.monotonic() + 1), "it never ends")
    assert sink.took() == _many(3)
    assert len(sink.clients) == 1
    worker.close()


@pytest.mark.parametrize("connections", [1, 4])
def test_a_refusal_holds_up_no_other_while_its_reset_is_answered(
    sink: Sink, through: Settings, connections: int
) -> None:
    """Nothing was in flight then, so that nobody listened any more: what was due waited for ever."""
    sink.thinks_over_resets = 0.3
    sink.refusals[ZOE] = "550 5.1.1 no such user"
    _post(ZOE, *_many(2))
    assert send_due(through.model_copy(update={"connections": connections})) == 3
    assert sorted(sink.took()) == _many(2)


def test_a_stop_waits_for_the_replies_to_what_is_in_flight(sink: Sink, through: Settings) -> None:
    stop = threading.Event()
    sink.holding_dots = True
    _post(*_many(9))
    worker = NoticeWorker(through, stopping=stop.is_set)
    until(lambda: worker.work(time.monotonic() + 0.1) and sink.held == through.connections, "none in flight")
    stop.set()
    threading.Timer(0.3, setattr, (sink, "holding_dots", False)).start()
    worker.work(time.monotonic())
    assert not worker.busy
    with transaction() as db:
        accepted = select(func.count()).where(Notice.state == DeliveryState.ACCEPTED)
        assert db.scalar(accepted) == len(sink.took()) == through.connections
    worker.close()


# -- the pace ---------------------------------------------------------------------


def _times(sink: Sink, settings: Settings) -> list[float]:
    """Send what is due; when each message came."""
    came: list[float] = []
    with working(settings):
        until(lambda: _watch(sink, came) and _states() == {(DeliveryState.ACCEPTED, 1)}, "not all left")
    return came


def _watch(sink: Sink, came: list[float]) -> bool:
    came += [time.monotonic()] * (len(sink.envelopes) - len(came))
    return True


@pytest.mark.parametrize(("priority", "part"), [(Priority.NORMAL, 1.0), (Priority.BULK, BULK_PART)])
def test_the_rate_of_the_letters_is_that_of_single_mails_too(
    sink: Sink, through: Settings, priority: Priority, part: float
) -> None:
    rate, count = 20.0, 50
    _post(*_many(count), priority=priority)
    came = _times(sink, through.model_copy(update={"rate": rate}))
    span = came[-1] - came[0]
    assert len(came) == count
    assert count <= rate * part * (span + BURST) + 2
    assert max(later - at for at, later in pairwise(came)) < PATIENCE


def test_letters_and_single_mails_share_one_rate(sink: Sink, through: Settings) -> None:
    """What a send takes of it is not there for them."""
    rate = 0.2
    letters = RateLimiter(through.redis_url or "", rate, {}, 2)
    worker = NoticeWorker(through.model_copy(update={"rate": rate}))
    _post(ZOE)
    assert letters.grant({"other": 5})["other"] == 1  # and for the next five seconds there is none
    assert worker.work(time.monotonic() + 0.05)
    assert sink.took() == []
    assert _states() == {(DeliveryState.PENDING, 0)}
    until(lambda: not worker.work(time.monotonic() + 1), "it never leaves")
    assert sink.took() == [ZOE]
    worker.close()


def test_a_provider_has_its_pace_and_keeps_nobody_else_waiting(
    sink: Sink, through: Settings, tmp_path: Path
) -> None:
    """Also for a town whose mail is there, as was learnt."""
    table = tmp_path / "providers.yaml"
    table.write_text("orange: {rate: 0.001}\n")
    with transaction() as db:
        routes.learn(db, Providers(), {"ville.example": ("smtp.orange.fr",)}, now=utcnow())
    _post(*_many(5, "orange.fr"), *_many(5, "ville.example"), ago=60)
    _post(*_many(5))
    with working(through.model_copy(update={"providers": table})):
        until(lambda: set(_many(5)) <= set(sink.took()), "they wait behind a provider's limit")
    assert sorted(sink.took()) == sorted([*_many(5), "reader0@orange.fr"])


def test_no_more_are_in_flight_to_a_provider_than_it_takes(
    sink: Sink, through: Settings, tmp_path: Path
) -> None:
    table = tmp_path / "providers.yaml"
    table.write_text("orange: {rate: 0, connections: 1}\n")
    sink.holding_dots = True
    _post(*_many(5, "orange.fr"), ago=60)
    _post(*_many(2))
    with working(through.model_copy(update={"providers": table})):
        until(lambda: sink.held == 3, "those who may leave did not")
        assert sorted(sink.took()) == sorted(["reader0@orange.fr", *_many(2)])
        sink.holding_dots = False
        until(lambda: _states() == {(DeliveryState.ACCEPTED, 1)}, "not all left")


@pytest.mark.usefixtures("failures_expected")
def test_what_cannot_be_claimed_takes_nobody_s_place(sink: Sink, through: Settings, tmp_path: Path) -> None:
    """A provider that takes one at a time: what raised as it was claimed is not in flight to it."""
    table = tmp_path / "providers.yaml"
    table.write_text("orange: {rate: 0, connections: 1}\n")
    _post(*_many(2, "orange.fr"))
    with transaction() as db:
        bad = db.scalars(select(Notice.id).order_by(Notice.due_at).limit(1)).one()
    worker = NoticeWorker(through.model_copy(update={"providers": table}))
    job = Job(outbox.JOB, lambda: worker.work(time.monotonic() + 1))
    with broken("UPDATE", "notice", "id", bad):
        assert jobs.run([job]) == [outbox.JOB]
    assert sink.took() == ["reader1@orange.fr"]
    worker.close()


def test_bulk_stays_away_from_a_provider_that_letters_are_to_spare(sink: Sink, through: Settings) -> None:
    with transaction() as db:
        circuit.hit(db, "orange", "421 too much", now=utcnow())
    _post("ann@orange.fr", "ben@example.org", priority=Priority.BULK)
    _post("cy@orange.fr")
    with working(through):
        until(lambda: len(sink.took()) == 2, "those who may leave did not")
    assert set(sink.took()) == {"ben@example.org", "cy@orange.fr"}
    with transaction() as db:
        assert set(circuit.known(db)) == {"orange"}


def test_what_a_provider_says_of_its_limits_is_told_to_the_letters(sink: Sink, through: Settings) -> None:
    sink.refusals["ann@orange.fr"] = "450 4.7.1 too many connections, slow down"
    _post("ann@orange.fr")
    assert send_due(through) == 1
    with transaction() as db:
        assert set(circuit.known(db)) == {"orange"}
        db.execute(update(circuit.Hold).values(until=utcnow()))
    _post("ben@orange.fr")
    assert send_due(through) == 1
    with transaction() as db:
        assert circuit.known(db) == {}


# -- what happens meanwhile ---------------------------------------------------------


def _welcome(email: str) -> UUID:
    with transaction() as db:
        pending = make_pending(db, make_newsletter(db), email=email, now=utcnow())
        subscriptions.confirm(db, pending.id, now=utcnow())
        outbox.welcome(db, pending.id, now=utcnow())
        return pending.id


@pytest.mark.parametrize("leaves", [True, False])
def test_whoever_leaves_while_the_relay_thinks_is_not_welcomed(
    sink: Sink, through: Settings, leaves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.notices.worker.FRESH", 0.0)
    subscription_id = _welcome(ZOE)
    sink.holding.add(ZOE)
    with working(through) as worker:
        until(lambda: worker.claimed, "it was not claimed")
        if leaves:
            with transaction() as db:
                subscriptions.withdraw(db, subscription_id, channel="link", now=utcnow())
        sink.holding.clear()
        ends = DeliveryState.WITHHELD if leaves else DeliveryState.ACCEPTED
        until(lambda: _states() == {(ends, 1)}, "it was not decided on")
    assert sink.took() == ([] if leaves else [ZOE])


@pytest.mark.usefixtures("failures_expected")
def test_a_mail_that_cannot_be_recorded_holds_up_no_other(sink: Sink, through: Settings) -> None:
    """Four in flight, one of them of a subscription that raises: three are recorded."""
    with transaction() as db:
        subscription_id = make_pending(db, make_newsletter(db), email="bad@example.org", now=utcnow()).id
        outbox.answer_signup(db, SignupDecision(subscription_id, Due.CONFIRMATION), now=utcnow())
    _post(*_many(3))
    worker = NoticeWorker(through)
    job = Job(outbox.JOB, lambda: worker.work(time.monotonic() + 1))
    bad = select(Notice.id).where(Notice.subscriber_id.is_not(None))
    with transaction() as db:
        notice_id = db.scalars(bad).one()
    with broken("UPDATE", "subscription", "id", subscription_id):
        until(lambda: not jobs.run([job]) and not worker.busy, "it never ends")
    with transaction() as db:
        states = dict(db.execute(select(Notice.id, Notice.state)).all())
    assert states.pop(notice_id) is DeliveryState.PENDING
    assert set(states.values()) == {DeliveryState.ACCEPTED}
    assert len(sink.took()) == 4
    worker.close()


def test_a_line_that_begins_with_a_dot_arrives_as_it_is(sink: Sink, through: Settings) -> None:
    with transaction() as db:
        outbox.post(
            db, NoticeKind.LETTER, email=ZOE, locale="fr", now=utcnow(),
            facts={"words": ".\n..\n.net", "number": "1", "right": "accès", "received": "hier",
                   "due": "demain"},
        )  # fmt: skip
    assert send_due(through) == 1
    text = sink.mails()[0].get_body(("plain",))
    assert text
    lines = text.get_content().splitlines()
    assert [line for line in lines if line.startswith(".")] == [".", "..", ".net"]


# -- a relay that cannot be used ------------------------------------------------------


@pytest.fixture
def task(through: Settings, monkeypatch: pytest.MonkeyPatch, asked_for: list[Task]) -> Iterator[list[Task]]:
    """The task itself, with a worker of these settings; the tasks that it asks for."""
    workers: list[NoticeWorker] = []

    def worker(stopping: Callable[[], bool]) -> NoticeWorker:
        if not workers:
            workers.append(NoticeWorker(through, stopping=stopping))
        return workers[0]

    monkeypatch.setattr(send, "_worker", worker)
    yield asked_for
    for each in workers:
        each.close()


def _hold() -> int:
    with transaction() as db:
        return db.scalar(select(circuit.Hold.failures).where(circuit.Hold.name == circuit.RELAY)) or 0


def test_a_relay_that_is_down_is_noted_left_alone_and_tried_by_one(
    task: list[Task], through: Settings, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = NoticeWorker(through.model_copy(update={"relay_url": "smtp://127.0.0.1:1"}))
    with monkeypatch.context() as patch:
        patch.setattr(send, "_worker", lambda _: down)
        _post(ZOE)
        tasks.send_notices()
        assert _hold() == 1
        tasks.send_notices()  # left alone
        assert _hold() == 1
        with transaction() as db:
            db.execute(update(circuit.Hold).values(until=utcnow()))
        tasks.send_notices()
        assert _hold() == 2
    assert _states() == {(DeliveryState.PENDING, 0)}
    with transaction() as db:
        db.execute(update(circuit.Hold).values(until=utcnow()))
    tasks.send_notices()
    assert sink.took() == [ZOE]
    assert _hold() == 0


@pytest.mark.usefixtures("failures_expected", "task")
def test_a_mail_that_cannot_be_claimed_ends_the_probe_and_not_the_others(sink: Sink) -> None:
    """Whoever probes the relay does so alone, for two minutes: not where it broke off for another reason."""
    _post(*_many(2))
    with transaction() as db:
        bad = db.scalars(select(Notice.id).order_by(Notice.due_at).limit(1)).one()
        circuit.hit(db, circuit.RELAY, "no connection", now=utcnow() - timedelta(minutes=1))
    with broken("UPDATE", "notice", "id", bad):
        tasks.send_notices()
    assert sink.took() == ["reader1@example.org"]
    assert _hold() == 0


def test_a_task_that_does_not_get_to_the_end_asks_for_the_next(
    task: list[Task], sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "STRETCH", 0.3)
    sink.holding_dots = True
    _post(*_many(3))
    task.clear()
    tasks.send_notices()
    assert task == [Task.NOTICES]
    sink.holding_dots = False
    until(lambda: tasks.send_notices() or _states() == {(DeliveryState.ACCEPTED, 1)}, "not all left")
    task.clear()
    tasks.send_notices()
    assert task == []


def test_a_forgotten_notice_is_asked_for_by_the_sweep(task: list[Task]) -> None:
    tasks.sweep()
    assert Task.NOTICES in task
