"""Workers to be killed: `python -m tests.faults.worker` imports the product once and forks a life per order.

A life runs the product's own tasks, as a Celery worker would, with what is asked of it in a list instead of
Redis: a start costs a fork.  One order a line on standard input, one answer a line on standard output.
"""

import importlib
import json
import os
import signal
import sys
import time
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from mailer import tasks
from mailer.core import after_commit, clock, db
from mailer.core.after_commit import Task
from mailer.core.db import transaction
from mailer.core.settings import settings
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.monitoring import rounds, watchdog
from tests.faults import points
from tests.faults.points import Point, Points, Then

TICK, SWEEP = 0.2, 0.5  # seconds: a day of a worker's is short
UNFINISHED = (IssueState.SCHEDULED, IssueState.SENDING, IssueState.PAUSED, IssueState.CANCELLED)


@dataclass(frozen=True)
class Orders:
    """What a life is told."""

    mark: str  # the file it writes when it reaches a point
    log: str
    env: dict[str, str]
    points: list[dict[str, Any]]
    constants: dict[str, Any]  # "mailer.smtp.session:DOT_TIMEOUT": 1.0
    seconds: float  # it ends by itself then
    later: float  # seconds that seem to have gone by, for the database too
    skew: float  # seconds its host's clock is ahead of the database's
    forever: bool  # it does not end when nothing is left to send


def live(orders: Orders) -> None:
    """One life: until nothing is left to send, or so many seconds."""
    os.environ.update(orders.env)
    settings.cache_clear()
    for name, value in orders.constants.items():
        set_constant(name, value)
    if orders.later:
        _let_pass(timedelta(seconds=orders.later))
    if orders.skew:
        clock.host = lambda: time.time() + orders.skew
    wanted = [Point(each["name"], Then(each["then"]), each["nth"]) for each in orders.points]
    points.install(Points(wanted, Path(orders.mark)))
    watchdog._handle_sigterm()  # what Celery has each of its children do
    asked: deque[Task] = deque()

    def ask_for(task: Task) -> None:
        asked.append(task)

    tasks.ask_for = ask_for  # type: ignore[attr-defined]
    after_commit.install(ask_for)
    ends, tick, sweep = time.monotonic() + orders.seconds, 0.0, 0.0
    while (now := time.monotonic()) < ends:
        if now >= tick:
            asked.append(Task.TICK)
            tick = now + TICK
        if now >= sweep:
            asked.append(Task.SWEEP)
            sweep = now + SWEEP
        while asked:
            _run(asked.popleft())
        if not orders.forever and _finished():
            _run(Task.SWEEP)  # the last word on what it leaves: alarms
            return
        time.sleep(0.02)


def _run(task: Task) -> None:
    """As Celery does: what a task raises is logged, and the worker goes on; its monitor tells of alarms."""
    try:
        tasks.app.tasks[task.value]()
        if task is Task.SWEEP:
            rounds.tell(settings(), clock=db.utcnow)
    except Exception:
        traceback.print_exc()
        time.sleep(0.05)


def _finished() -> bool:
    with suppress(Exception), transaction() as session:
        return session.scalar(select(Issue.id).where(Issue.state.in_(UNFINISHED)).limit(1)) is None
    return False


def set_constant(name: str, value: Any) -> None:
    """Change a constant of the product; a time is given in seconds."""
    module_name, _, constant = name.partition(":")
    module = importlib.import_module(module_name)
    setattr(module, constant, _like(getattr(module, constant), value))


def _let_pass(ahead: timedelta) -> None:
    """Every module of the product is told a later time, as if the database's clock said so."""
    real = db.utcnow
    for name, module in list(sys.modules.items()):
        if name.startswith("mailer.") and getattr(module, "utcnow", None) is real:
            module.utcnow = lambda: real() + ahead  # type: ignore[attr-defined]


def _like(now: Any, value: Any) -> Any:
    if isinstance(now, timedelta):
        return timedelta(seconds=value)
    if isinstance(now, tuple) and now:
        return tuple(_like(now[0], each) for each in value)
    if isinstance(now, dict):
        return now | {key: _like(now[key], each) for key, each in value.items()}
    return value


def _fork(orders: Orders) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        log = os.open(orders.log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        live(orders)
        status = 0
    except SystemExit as asked:
        status = int(asked.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _wait(pid: int, seconds: float) -> int | None:
    """Its exit code, or the signal that ended it made negative; None while it lives."""
    ends = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > ends:
            return None
        time.sleep(0.003)


def main() -> None:
    """Fork, and wait for, whom one is told to; when standard input ends, so does everybody."""
    tasks.app.finalize()
    living: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        answer: int | None
        if "live" in order:
            answer = _fork(Orders(**order["live"]))
            living.add(answer)
        else:
            answer = _wait(order["wait"], order["seconds"])
            if answer is not None:
                living.discard(order["wait"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in living:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
