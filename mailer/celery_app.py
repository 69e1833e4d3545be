"""The Celery app: its queues, its schedule, and how a task is asked for.

Three queues: `letters` for the send, `chores` for what may take minutes (files, the night's work, questions
to the DNS), `notices` for everything that is quick, so that a confirmation waits behind none of them.  Run
one worker per queue.  No result, no ETA, early acknowledgement.
"""

import gc
from typing import Any

from celery import Celery, Task
from celery.schedules import crontab
from celery.signals import setup_logging, worker_init
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from mailer.core import bootstrap, jobs, logging, restore_lock
from mailer.core.db import transaction
from mailer.core.logging import log

TICK = 5.0  # seconds between two looks for what is due
SWEEP = 30.0
INBOX = 60.0


class Bell(Task):  # type: ignore[misc]
    """A task that a database gone for a while does not break: the next bell does the work.

    While the service is disarmed, bells are not heard, except where nobody is served.
    """

    when_disarmed = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if not self.when_disarmed and disarmed():
                return None
            return super().__call__(*args, **kwargs)
        except SQLAlchemyError as error:
            log.error("the database failed", task=self.name, error=jobs.place(error))


def disarmed() -> bool:
    """Return whether the service waits for the journal to be replayed after a restore."""
    with transaction() as db:
        return restore_lock.disarmed(db)


app = Celery("mailer", task_cls=Bell)


@app.add_defaults
def _configuration() -> dict[str, Any]:
    """Read when the app is first used, after the settings are known."""
    return {
        "broker_url": bootstrap.prepare().redis_url,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "max_retries": 1,  # of a bell: a page does not wait for Redis
            "interval_start": 0,
        },
        "task_ignore_result": True,
        "task_acks_late": False,
        "task_default_queue": "notices",
        "task_routes": {
            "mailer.send": {"queue": "letters"},
            **{
                f"mailer.{chore}": {"queue": "chores"}
                for chore in ("imports", "keep", "keep_again", "routes")
            },
        },
        "timezone": "UTC",
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "beat_schedule": {
            "tick": {"task": "mailer.tick", "schedule": TICK, "options": {"expires": TICK}},
            "sweep": {"task": "mailer.sweep", "schedule": SWEEP, "options": {"expires": SWEEP}},
            "inbox": {"task": "mailer.inbox", "schedule": INBOX, "options": {"expires": INBOX}},
            "keep": {"task": "mailer.keep", "schedule": crontab(hour="2", minute="40")},
        },
    }


@setup_logging.connect
def _log(**_: Any) -> None:
    logging.configure()


def ring(name: str, *args: Any) -> None:
    """Ask for a task soon.  Never raises: a bell that is not heard is rung again by the beat."""
    try:
        app.tasks[f"mailer.{name}"].apply_async(args, expires=SWEEP, retry=False)
    except (OSError, BrokerError, RedisError) as error:
        log.warning("the bell was not heard", task=name, error=type(error).__name__)


@worker_init.connect
def _share(**_: Any) -> None:
    """Before the fork: what is loaded by now stays one copy for all children, whom the collector would make
    write on every page of it.
    """
    gc.collect()
    gc.freeze()
