"""A whole tree of Celery: a worker of each queue and beat, as the service runs them."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from celery import Celery

from mailer.core.after_commit import Task
from tests.faults.stage import CONSTANTS, Stage
from tests.support.waiting import PATIENCE

SHORT_DAYS = CONSTANTS | {
    "mailer.celery_app:TICK": 0.5,
    "mailer.celery_app:SWEEP": 1.0,
    "mailer.tasks:STRETCH": 2.0,
    "mailer.monitoring.watchdog:LOOK_EVERY": 1.0,
    "mailer.monitoring.watchdog:STALLED_AFTER": 8.0,
}
WORKER = ("worker", "--without-gossip", "--without-mingle")
MEMBERS = {
    "letters": (*WORKER, "-Q", "letters", "-c", "2"),
    "notices": (*WORKER, "-Q", "notices", "-c", "1"),
    "ticks": (*WORKER, "-Q", "ticks", "-c", "1"),
    "chores": (*WORKER, "-Q", "chores", "-c", "1"),
    "beat": ("beat",),
}


class Tree:
    """Processes that are started, killed and stopped together; one that ends by itself is started again."""

    def __init__(self, stage: Stage, *names: str, constants: Mapping[str, Any] | None = None) -> None:
        self._stage = stage
        self._constants = json.dumps({**SHORT_DAYS, **(constants or {})})
        self._members = {name: self._start(name) for name in names or MEMBERS}
        self._leaving = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        private = self._stage.folder / f"{name}-{os.urandom(4).hex()}"
        own = ("-n", f"{private.name}@here") if name != "beat" else ("--schedule", str(private), "--pidfile=")
        with self._stage.worker_log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "tests.faults.app", *MEMBERS[name], *own],
                env=os.environ | self._stage.env | {"MAILER_FAULTS_CONSTANTS": self._constants},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _supervise(self) -> None:
        """What systemd does with Restart=always."""
        while not self._leaving.wait(0.5):
            for name, member in self._members.items():
                if member.poll() is not None:
                    self._members[name] = self._start(name)

    def _leave(self) -> None:
        self._leaving.set()
        self._supervisor.join()

    def kill(self) -> None:
        """SIGKILL to every process of it."""
        self._leave()
        for member in self._members.values():
            with suppress(ProcessLookupError):
                os.killpg(member.pid, signal.SIGKILL)
            member.wait(PATIENCE)

    def stop(self) -> list[int]:
        """SIGTERM to each main process; their exit codes."""
        self._leave()
        for member in self._members.values():
            member.send_signal(signal.SIGTERM)
        return [member.wait(PATIENCE) for member in self._members.values()]


@contextmanager
def growing(stage: Stage, *names: str, constants: Mapping[str, Any] | None = None) -> Iterator[Tree]:
    """A tree that is gone afterwards, whatever happens; constants: other values for the product's."""
    tree = Tree(stage, *names, constants=constants)
    try:
        yield tree
    finally:
        tree.kill()


def ask_for_send(stage: Stage) -> None:
    """Ask for a stretch of work, as a tick does."""
    with Celery(broker=stage.redis.url) as app:
        app.send_task(Task.SEND.value, queue="letters", ignore_result=True)
