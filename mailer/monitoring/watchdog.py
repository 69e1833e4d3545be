"""What a Celery worker does beside its tasks: say that it lives, notice that it no longer hears, stop gently.

Celery may reconnect to Redis and never consume again; beat may die unseen.  A thread of each worker's main
process writes a heartbeat, sends the worker off to be restarted when its queue fills and it takes nothing,
and asks for the sweep itself when beat is silent.
"""

import mmap
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any
from uuid import UUID, uuid4

import redis
from celery import signals
from celery.worker import state
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from mailer.core import heartbeats
from mailer.core.after_commit import Task
from mailer.core.db import transaction
from mailer.core.heartbeats import Heartbeat
from mailer.core.logging import log
from mailer.core.settings import settings

LOOK_EVERY = 15.0  # seconds
DEAF_AFTER = 60.0  # seconds with work in the queue, hands free, and nothing taken
BEAT_SILENT_AFTER = timedelta(seconds=60)
BEAT = UUID(int=0)  # the heartbeat that each tick writes: beat, Redis and a worker are all alive

_stop = mmap.mmap(-1, 1)  # shared with the pool's children, which are forked later
_busy = _asked = False


def stopping() -> bool:
    """Return whether this worker was asked to stop: claim nothing more, let what is in flight land."""
    return _asked or _stop[0] != 0


@contextmanager
def gently() -> Iterator[None]:
    """Hold a stop that is asked meanwhile until the end of the block."""
    global _busy  # noqa: PLW0603 -- one process, one task at a time
    _busy = True
    try:
        yield
    finally:
        _busy = False
    if _asked:
        raise SystemExit(0)


def _tell_the_children(**_: Any) -> None:
    _stop[0] = 1


def _heed_sigterm(**_: Any) -> None:
    """Supervisors may signal the whole group: a child in the middle of a send finishes it first."""
    signal.signal(signal.SIGTERM, _asked_to_stop)


def _asked_to_stop(_: int, __: FrameType | None) -> None:
    global _asked  # noqa: PLW0603
    _asked = True
    if not _busy:
        raise SystemExit(0)


class Watch(threading.Thread):
    """One worker's watch over itself and over beat."""

    def __init__(self, consumer: Any, ask_for: Callable[[Task], object]) -> None:
        super().__init__(name="watch", daemon=True)
        self._worker = uuid4()
        self._queues = list(consumer.app.amqp.queues.consume_from)
        self._pool, self._ask_for = consumer.pool, ask_for
        self._heard = time.monotonic()

    def hear(self, **_: Any) -> None:
        """Note that a task has come in."""
        self._heard = time.monotonic()

    def run(self) -> None:
        signals.task_received.connect(self.hear)
        while True:
            try:
                self._look()
            except (SQLAlchemyError, redis.RedisError) as error:
                log.warning("the watch sees nothing", error=type(error).__name__)
            time.sleep(LOOK_EVERY)

    def _look(self) -> None:
        with transaction() as db:
            for queue in self._queues:
                heartbeats.beat(db, self._worker, queue)
            heard = Heartbeat.worker == BEAT, Heartbeat.seen_at > func.now() - BEAT_SILENT_AFTER
            beat_is_silent = db.scalar(select(Heartbeat.worker).where(*heard)) is None
        if beat_is_silent:
            self._ask_for(Task.SWEEP)
        if self._is_deaf():
            log.error("this worker hears nothing: it stops, to be started again")
            os.kill(os.getpid(), signal.SIGTERM)

    def _is_deaf(self) -> bool:
        if len(state.active_requests) >= self._pool.num_processes or not self._waiting():
            self._heard = time.monotonic()
        return time.monotonic() - self._heard > DEAF_AFTER

    def _waiting(self) -> bool:
        with redis.Redis.from_url(settings().redis_url or "", socket_timeout=5) as client:
            return any(client.llen(queue) for queue in self._queues)


def install(ask_for: Callable[[Task], object]) -> None:
    """Have every worker watch, and heed its stop."""

    def start(sender: Any, **_: Any) -> None:
        Watch(sender, ask_for).start()

    signals.worker_ready.connect(start, weak=False)
    signals.worker_shutting_down.connect(_tell_the_children)
    signals.worker_process_init.connect(_heed_sigterm)
