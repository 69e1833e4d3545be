"""Ask, inside a transaction, for what happens once it is committed: a worker looks at what is new.

The database is the queue, so that such a wish may be lost: a worker looks by itself before long.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

from sqlalchemy.orm import Session


class Task(StrEnum):
    """Name everything a worker may be asked to do."""

    TICK = "mailer.tick"
    SEND = "mailer.send"
    SIGNUPS = "mailer.signups"
    NOTICES = "mailer.notices"
    IMPORTS = "mailer.imports"
    INBOX = "mailer.inbox"
    LINKS = "mailer.links"
    ROUTES = "mailer.routes"
    PURGE = "mailer.purge"
    SWEEP = "mailer.sweep"
    VERIFY = "mailer.verify"
    KEEP = "mailer.keep"
    KEEP_AGAIN = "mailer.keep_again"


Publish = Callable[[Task], object]

_KEY = "after_commit"  # in what a session carries along
_publish: Publish | None = None
_collected: ContextVar[dict[Task, None] | None] = ContextVar("_collected", default=None)


def install(publish: Publish | None) -> None:
    """Say how a task is asked for, in this process; `publish` never raises.  None: nobody is asked."""
    global _publish  # noqa: PLW0603 -- given once, by the door that starts the process
    _publish = publish


def wake(db: Session, task: Task) -> None:
    """Have a worker do this once the transaction is committed: once, however often it is asked for."""
    db.info.setdefault(_KEY, {})[task] = None


def committed(db: Session) -> None:
    """Ask for what this session's transaction, which is over, wanted done."""
    wanted = db.info.pop(_KEY, {})
    collected = _collected.get()
    if collected is None:
        _ask_for(wanted)
    else:
        collected.update(wanted)


@contextmanager
def together() -> Iterator[None]:
    """Hold what the transactions of this block want done until its end: each task is asked for once."""
    collected: dict[Task, None] = {}
    outer = _collected.set(collected)
    try:
        yield
    finally:
        _collected.reset(outer)
        _ask_for(collected)


def _ask_for(tasks: Iterable[Task]) -> None:
    for task in tasks:
        if _publish:
            _publish(task)
