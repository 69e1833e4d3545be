"""Watch a Celery worker: write its heartbeat, restart it when it stalls, stop it between two messages.

Celery may reconnect to Redis and never consume again; beat may end unnoticed.  A thread of each worker's main
process writes a heartbeat, stops the worker (to be restarted) when its queue fills and it takes nothing, and
asks for the sweep itself when beat has no heartbeat.  Another looks for alarms where no worker sweeps, tells
those that stand, and calls the heartbeat URL: a server that does not answer holds up nothing else.
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

from mailer.core import heartbeats, jobs
from mailer.core.after_commit import Task
from mailer.core.db import transaction, utcnow
from mailer.core.heartbeats import Heartbeat
from mailer.core.logging import log
from mailer.core.settings import settings
from mailer.monitoring import external_heartbeat, rounds

LOOK_EVERY = 15.0  # seconds
STALLED_AFTER = 60.0  # seconds with tasks in the queue, idle processes, and no task taken
BEAT_SILENT_AFTER = timedelta(seconds=60)
BEAT = UUID(int=0)  # the heartbeat that each tick writes: it shows beat, Redis and a worker alive

_stop = mmap.mmap(-1, 1)  # shared with the pool's children, which are forked later
_busy = _stop_asked = False


def stopping() -> bool:
    """Return whether this worker was asked to stop: claim nothing more, finish what is in flight."""
    return _stop_asked or _stop[0] != 0


@contextmanager
def finish_first() -> Iterator[None]:
    """Delay a stop that is asked meanwhile until the end of the block."""
    global _busy  # noqa: PLW0603 -- one process, one task at a time
    _busy = True
    try:
        yield
    finally:
        _busy = False
    if _stop_asked:
        raise SystemExit(0)


def _set_stop_flag(**_: Any) -> None:
    _stop[0] = 1


def _handle_sigterm(**_: Any) -> None:
    """Let a child finish its send first: supervisors may send SIGTERM to the whole group."""
    signal.signal(signal.SIGTERM, _asked_to_stop)


def _asked_to_stop(_: int, __: FrameType | None) -> None:
    global _stop_asked  # noqa: PLW0603
    _stop_asked = True
    if not _busy:
        raise SystemExit(0)


class Watchdog(threading.Thread):
    """Watch this worker and beat."""

    def __init__(self, consumer: Any, ask_for: Callable[[Task], object]) -> None:
        super().__init__(name="watch", daemon=True)
        self._worker = uuid4()
        self._queues = list(consumer.app.amqp.queues.consume_from)
        self._pool, self._ask_for = consumer.pool, ask_for
        self._last_task_at = time.monotonic()

    def note_task(self, **_: Any) -> None:
        """Note that a task was received."""
        self._last_task_at = time.monotonic()

    def run(self) -> None:
        signals.task_received.connect(self.note_task)
        while True:
            try:
                self._look()
            except Exception as error:  # whatever it was: a thread that ends watches nothing any more
                log.error("the watchdog cannot look", error=jobs.place(error))
            time.sleep(LOOK_EVERY)

    def _look(self) -> None:
        with transaction() as db:
            for queue in self._queues:
                heartbeats.beat(db, self._worker, queue)
            beating = Heartbeat.worker == BEAT, Heartbeat.seen_at > func.now() - BEAT_SILENT_AFTER
            beat_is_silent = db.scalar(select(Heartbeat.worker).where(*beating)) is None
        if beat_is_silent:
            self._ask_for(Task.SWEEP)
        if self._is_stalled():
            log.error("this worker receives no tasks: it stops, to be started again")
            os.kill(os.getpid(), signal.SIGTERM)

    def _is_stalled(self) -> bool:
        if len(state.active_requests) >= self._pool.num_processes or not self._waiting():
            self._last_task_at = time.monotonic()
        return time.monotonic() - self._last_task_at > STALLED_AFTER

    def _waiting(self) -> bool:
        with redis.Redis.from_url(settings().redis_url or "", socket_timeout=5) as client:
            return any(client.llen(queue) for queue in self._queues)


class Monitor(threading.Thread):
    """Do what concerns all processes, in whichever lives: look for alarms, tell them, send the heartbeat."""

    def __init__(self) -> None:
        super().__init__(name="monitor", daemon=True)

    def run(self) -> None:
        while True:
            time.sleep(LOOK_EVERY)  # first: a worker that starts has not swept yet
            for look in (_look_if_nobody_does, _tell_alarms, _send_heartbeat):
                try:
                    look()
                except Exception as error:  # whatever it was: the other, and the next time, must come
                    log.error("monitoring failed", look=look.__name__, error=jobs.place(error))


def _look_if_nobody_does() -> None:
    if rounds.missed():
        rounds.look(clock=utcnow)


def _tell_alarms() -> None:
    rounds.tell(settings(), clock=utcnow)


def _send_heartbeat() -> None:
    if external_heartbeat.take_turn():
        external_heartbeat.run(settings(), clock=utcnow)


def install(ask_for: Callable[[Task], object]) -> None:
    """Start a watchdog in every worker, and handle its stop."""

    def start(sender: Any, **_: Any) -> None:
        Watchdog(sender, ask_for).start()
        Monitor().start()

    signals.worker_ready.connect(start, weak=False)
    signals.worker_shutting_down.connect(_set_stop_flag)
    signals.worker_process_init.connect(_handle_sigterm)
