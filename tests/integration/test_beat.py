"""Beat and the queues: no task waits twice, and no clock that is set stops them."""

from datetime import timedelta
from pathlib import Path

import pytest
import redis

from mailer import broker, celery_app
from mailer.beat import Scheduler, steady_now
from mailer.celery_app import app, ask_for
from mailer.core import clock
from mailer.core.after_commit import Task
from mailer.core.settings import Settings


@pytest.fixture
def queues(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> redis.Redis:
    monkeypatch.setattr(celery_app, "ask_for", ask_for)
    client = redis.Redis.from_url(settings.redis_url or "")
    client.delete("letters", "notices", "ticks", "chores")
    return client


def test_a_task_waits_once_and_a_stretch_of_letters_once_a_sender(
    queues: redis.Redis, settings: Settings
) -> None:
    for _ in range(5):
        for task in (Task.SIGNUPS, Task.KEEP, Task.SEND):
            ask_for(task)
    assert queues.llen("ticks") == queues.llen("chores") == 1
    assert queues.llen("letters") == settings.senders
    ask_for(Task.SWEEP)  # of another kind
    assert queues.llen("ticks") == 2
    assert broker.waiting(app, Task.SWEEP.value) == 1


def test_beat_asks_for_what_does_not_wait_already(queues: redis.Redis, tmp_path: Path) -> None:
    """A queue that nobody works off for a night holds one of each, and no message expires."""
    scheduler = Scheduler(app, schedule_filename=str(tmp_path / "schedule"))
    try:
        for _ in range(3):
            for entry in list(scheduler.schedule.values()):
                scheduler.apply_entry(entry)
    finally:
        scheduler.close()
    assert queues.llen("ticks") == 2  # tick, sweep
    assert queues.llen("chores") == 2  # inbox, keep
    assert not any(b'"expires": "' in message for message in queues.lrange("ticks", 0, -1))


def test_what_ran_last_by_a_clock_that_was_ahead_is_not_waited_for(
    queues: redis.Redis, tmp_path: Path
) -> None:
    file = str(tmp_path / "schedule")
    scheduler = Scheduler(app, schedule_filename=file)
    for entry in scheduler.schedule.values():
        entry.last_run_at = steady_now() + timedelta(hours=2)
    scheduler.close()
    again = Scheduler(app, schedule_filename=file)
    try:
        assert all(entry.last_run_at <= steady_now() for entry in again.schedule.values())
        assert again.schedule["tick"].schedule.is_due(again.schedule["tick"].last_run_at).next < 10
    finally:
        again.close()


def test_beat_s_clock_goes_on_when_the_host_s_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    before = steady_now()
    monkeypatch.setattr(clock, "host", lambda: 0.0)
    assert timedelta(0) <= steady_now() - before < timedelta(minutes=5)
