"""The Celery app: its queues, its schedule, and how a task is asked for.

Four queues: `letters` and `notices` for what speaks to the relay, `chores` for what may take minutes (files,
the mailbox, the night's work, questions to the DNS), `ticks` for what is quick and needs the database alone,
so that nothing due is seen late.  Run one worker per queue.  No result, no ETA, early acknowledgement; no
message expires, by any host's clock: a task is asked for only where none of its kind waits.
"""

import gc
from typing import Any

import celery
from celery.schedules import crontab, schedule
from celery.signals import setup_logging, worker_init
from sqlalchemy.exc import SQLAlchemyError

from mailer import broker
from mailer.beat import steady_now
from mailer.core import after_commit, bootstrap, jobs, logging, restore_lock
from mailer.core.after_commit import Task
from mailer.core.db import transaction
from mailer.core.logging import log
from mailer.core.settings import settings

TICK = 5.0  # seconds between two looks for what is due
SWEEP = 30.0
INBOX = 60.0
CHORES = Task.IMPORTS, Task.INBOX, Task.LINKS, Task.VERIFY, Task.KEEP, Task.KEEP_AGAIN, Task.ROUTES


class WorkerTask(celery.Task):  # type: ignore[misc]
    """Hold a task that a database gone for a while does not break: the next one does the work.

    While the service is disarmed, it does nothing, except where nobody is served.
    """

    when_disarmed = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with logging.following(**self._ids()):
            try:
                if not self.when_disarmed and disarmed():
                    return None
                with after_commit.together():
                    return super().__call__(*args, **kwargs)
            except SQLAlchemyError as error:
                log.error("the database failed", error=jobs.place(error))

    def _ids(self) -> dict[str, str]:
        """Return what the log names while this runs: the task, and the request it was asked for in."""
        request = getattr(self.request, "asked_in", None)
        return {"task": self.name, "task_id": self.request.id or ""} | (
            {"request": str(request)} if request else {}
        )


def disarmed() -> bool:
    """Return whether the service waits for the journal to be replayed after a restore."""
    with transaction() as db:
        return restore_lock.disarmed(db)


app = celery.Celery("mailer", task_cls=WorkerTask)


@app.add_defaults
def _configuration() -> dict[str, Any]:
    """Read when the app is first used, after the settings are known."""
    return {
        "broker_url": bootstrap.prepare().redis_url,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "max_retries": 1,  # of asking for a task: a page does not wait for Redis
            "interval_start": 0,
        },
        "task_ignore_result": True,
        "result_expires": None,  # none is kept: beat has nothing to clean up
        "task_acks_late": False,
        "task_default_queue": "ticks",
        "task_routes": {
            Task.SEND.value: {"queue": "letters"},
            Task.NOTICES.value: {"queue": "notices"},
            **{chore.value: {"queue": "chores"} for chore in CHORES},
        },
        "timezone": "UTC",
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "beat_scheduler": "mailer.beat:Scheduler",
        "beat_schedule": {
            "tick": {"task": Task.TICK.value, "schedule": schedule(TICK, nowfun=steady_now)},
            "sweep": {"task": Task.SWEEP.value, "schedule": schedule(SWEEP, nowfun=steady_now)},
            "inbox": {"task": Task.INBOX.value, "schedule": schedule(INBOX, nowfun=steady_now)},
            "keep": {
                "task": Task.KEEP.value,
                "schedule": crontab(hour="2", minute="40", nowfun=steady_now),
            },
        },
    }


@setup_logging.connect
def _log(**_: Any) -> None:
    bootstrap.set_up_logs()


def ask_for(task: Task) -> None:
    """Ask for a task soon, unless as many of its kind wait as can run.

    Never raises: what caused it is committed, and the beat asks again.
    """
    try:
        most = settings().senders if task is Task.SEND else 1
        if broker.waiting(app, task.value) < most:
            asked_in = {"asked_in": logging.followed("request")}
            app.send_task(task.value, retry=False, ignore_result=True, headers=asked_in)
    except Exception as error:
        log.warning("no worker could be asked", task=task, error=type(error).__name__)


@worker_init.connect
def _share(**_: Any) -> None:
    """Before the fork: what is loaded by now stays one copy for all children, whom the collector would make
    write on every page of it.
    """
    gc.collect()
    gc.freeze()
