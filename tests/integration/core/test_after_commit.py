"""What is asked for inside a transaction happens after it: once, and only if it is committed."""

from collections.abc import Iterator

import celery
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from mailer import celery_app
from mailer.core import after_commit, circuit
from mailer.core.after_commit import Task, wake
from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings

pytestmark = pytest.mark.usefixtures("clean")
asked: list[tuple[Task, int]] = []  # with how many rows another connection saw by then


@pytest.fixture(autouse=True)
def published() -> Iterator[None]:
    """Note each task, and what is committed when it is asked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(after_commit, "_publish", lambda task: asked.append((task, _rows())))
        yield
    asked.clear()


def _rows() -> int:
    with transaction() as db:
        return int(db.execute(text("SELECT count(*) FROM circuit")).scalar_one())


def test_once_it_is_committed_each_task_is_asked_for_once_in_order() -> None:
    with transaction() as db:
        wake(db, Task.NOTICES)
        circuit.hit(db, circuit.DKIM, "", now=utcnow())
        db.flush()
        wake(db, Task.TICK)
        wake(db, Task.NOTICES)
        assert asked == []
    assert asked == [(Task.NOTICES, 1), (Task.TICK, 1)]
    with transaction() as db:
        wake(db, Task.NOTICES)
    assert asked[2:] == [(Task.NOTICES, 1)]


def test_what_is_rolled_back_asks_for_nothing() -> None:
    def fail() -> None:
        with transaction() as db:
            wake(db, Task.NOTICES)
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert asked == []


def test_what_cannot_be_committed_asks_for_nothing() -> None:
    """A deferred constraint speaks at the COMMIT itself."""

    def fail() -> None:
        with transaction() as db:
            db.execute(text("CREATE TEMPORARY TABLE once (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
            db.execute(text("INSERT INTO once VALUES (1), (1)"))
            wake(db, Task.NOTICES)

    with pytest.raises(Exception, match="UniqueViolation"):
        fail()
    assert asked == []


def test_nothing_asked_for_nothing_published() -> None:
    assert _rows() == 0
    assert asked == []


def test_transactions_held_together_ask_for_each_task_once_at_the_end() -> None:
    with after_commit.together():
        for _ in range(3):
            with transaction() as db:
                wake(db, Task.NOTICES)
        assert asked == []
    assert asked == [(Task.NOTICES, 0)]


def test_what_was_committed_before_a_failure_is_asked_for() -> None:
    def fail() -> None:
        with after_commit.together():
            with transaction() as db:
                wake(db, Task.NOTICES)
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert asked == [(Task.NOTICES, 0)]


def test_where_nobody_said_how_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(after_commit, "_publish", None)
    with capture_logs() as logs, transaction() as db:
        wake(db, Task.NOTICES)
    assert logs == []


def test_without_redis_what_was_done_is_done(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    away = celery.Celery(broker="redis://127.0.0.1:1/0")
    away.conf.broker_transport_options = celery_app.app.conf.broker_transport_options
    monkeypatch.setattr(celery_app, "app", away)
    monkeypatch.setattr(after_commit, "_publish", celery_app.ask_for)
    with capture_logs() as logs, transaction() as db:
        circuit.hit(db, circuit.DKIM, "", now=utcnow())
        wake(db, Task.NOTICES)
    assert [(line["event"], line["task"]) for line in logs] == [("no worker could be asked", Task.NOTICES)]
    assert _rows() == 1
