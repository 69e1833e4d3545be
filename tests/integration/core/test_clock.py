"""What is stored is dated by the database's clock, whatever the host's says."""

import time
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session

from mailer import tasks
from mailer.core import circuit, clock, heartbeats
from mailer.core.circuit import Hold
from mailer.core.db import engine, transaction, utcnow
from mailer.delivery import audience
from mailer.delivery.models import Delivery
from mailer.monitoring import alarms
from mailer.notices import outbox
from mailer.notices.models import Notice, NoticeKind
from tests.support.make import make_newsletter, make_readers, make_scheduled_issue

pytestmark = pytest.mark.usefixtures("clean")
A_MOMENT = timedelta(seconds=1)


@pytest.fixture
def slow_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has just started, on a host whose clock is two hours behind."""
    real = clock.host
    monkeypatch.setattr(clock, "_offset", None)
    monkeypatch.setattr(clock, "_looked_at", float("-inf"))
    monkeypatch.setattr(clock, "host", lambda: real() - 7200)


@pytest.mark.usefixtures("slow_host")
def test_the_first_instant_already_is_the_database_s() -> None:
    assert clock.now() < utcnow() - timedelta(hours=1)
    with transaction() as db:
        assert abs(utcnow() - db.scalars(select(func.clock_timestamp())).one()) < A_MOMENT


@pytest.mark.usefixtures("slow_host")
def test_a_host_s_clock_apart_from_the_database_s_is_an_alarm() -> None:
    with transaction() as db:
        heartbeats.beat(db, uuid4(), "letters")
    with transaction() as db:
        active = {each.name: each.values for each in alarms.find(db, now=utcnow())}
    assert active["clock:letters"] == {"name": "letters", "seconds": 7200}


def test_what_a_look_errs_by_sets_no_clock_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = utcnow()
    monkeypatch.setattr(clock, "_offset", clock._offset)
    clock.set_to(before - timedelta(seconds=clock.TOLERANCE / 2), clock.steady())
    assert utcnow() >= before
    clock.set_to(before - timedelta(hours=1), clock.steady())
    assert before - utcnow() > timedelta(minutes=59)


@pytest.mark.usefixtures("slow_host")
def test_the_time_a_connection_takes_sets_no_clock_ahead() -> None:
    """A pool that is empty, or a server that starts, keeps waiting for seconds: none of the answer's."""

    def slow(*_: object) -> None:
        time.sleep(0.6)

    event.listen(engine(), "engine_connect", slow)
    try:
        utcnow()
        with transaction() as db:
            assert _ahead(db) < timedelta(seconds=0.2)
        clock._looked_at = float("-inf")
        with transaction() as db:
            assert _ahead(db) < timedelta(seconds=0.2)
    finally:
        event.remove(engine(), "engine_connect", slow)


def _ahead(db: Session) -> timedelta:
    there: datetime = db.scalars(select(func.clock_timestamp())).one()
    return abs(utcnow() - there)


def test_what_a_slow_answer_may_err_by_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    before = utcnow()
    monkeypatch.setattr(clock, "_offset", clock._offset)
    clock.set_to(before, clock.steady() - 4)
    assert utcnow() - before < timedelta(seconds=1)


def test_what_was_dated_while_the_database_s_clock_was_ahead_is_brought_back() -> None:
    ahead, soon = utcnow() + timedelta(hours=2), utcnow() + timedelta(minutes=50)
    with transaction() as db:
        newsletter = make_newsletter(db)
        make_readers(db, newsletter, 2)
        audience.freeze(db, make_scheduled_issue(db, newsletter).id, now=utcnow())
        db.execute(update(Delivery).where(Delivery.position == 1).values(due_at=ahead))
        db.execute(update(Delivery).where(Delivery.position == 2).values(due_at=soon))
        outbox.post(db, NoticeKind.RECEIPT, email="ann@example.org", locale="fr", now=ahead)
        circuit.hit(db, "gmail", "busy", now=ahead)
    tasks.sweep()
    with transaction() as db:
        due = {row.position: row.due_at for row in db.execute(select(Delivery.position, Delivery.due_at))}
        assert due[1] <= utcnow()
        assert due[2] == soon  # as long as we let wait ourselves
        assert db.scalars(select(Notice.due_at)).one() <= utcnow()
        assert db.scalars(select(Hold.until)).one() <= utcnow()
