"""Doors write no SQL; only doors and workers open transactions, and use cases are given a session."""

import ast

import pytest

from tests.architecture import writes
from tests.architecture.writes import Source

DOORS = ("mailer/web/", "mailer/cli/", "mailer/demo/", "mailer/tasks.py", "mailer/celery_app.py")
MAY_IMPORT = {"sqlalchemy.orm.Session"}  # and what the driver raises
LOOK_UP = {"get", "get_one"}  # of a session: one row by its key
# Beside the doors: who runs by itself, in many transactions since one would be too long, or in none (VACUUM).
OPENING = {"mailer.core.db.transaction", "mailer.core.db.engine"}
WORKERS = {
    "mailer/backup/archive.py",
    "mailer/backup/postgres.py",
    "mailer/backup/replay.py",
    "mailer/backup/restore.py",
    "mailer/core/jobs.py",
    "mailer/delivery/ledger_work.py",
    "mailer/delivery/follow.py",
    "mailer/delivery/recovery.py",
    "mailer/delivery/send.py",
    "mailer/imports/lifecycle.py",
    "mailer/imports/pipeline.py",
    "mailer/imports/uploads.py",
    "mailer/imports/worker.py",
    "mailer/monitoring/external_heartbeat.py",
    "mailer/monitoring/rounds.py",
    "mailer/monitoring/watchdog.py",
    "mailer/notices/queue.py",
    "mailer/notices/send.py",
    "mailer/notices/worker.py",
    "mailer/privacy/mailbox/intake.py",
    "mailer/privacy/retention/rules.py",
    "mailer/privacy/retention/vacuum.py",
    "mailer/privacy/rights/erasure_worker.py",
}


ASK = {"send_task", "apply_async", "delay"}  # of Celery
MAY_ASK = {  # workers, of workers
    "mailer/beat.py",
    "mailer/broker.py",
    "mailer/celery_app.py",
    "mailer/tasks.py",
    "mailer/monitoring/watchdog.py",
}


def _is_door(source: Source) -> bool:
    return source.path.startswith(DOORS)


def _sql(source: Source) -> list[str]:
    """Return what a door does with the database by itself: names it imports, and calls of a session's."""
    imported = (name for name in source.names.values() if name.split(".")[0] == "sqlalchemy")
    found = [name for name in imported if name not in MAY_IMPORT and not name.startswith("sqlalchemy.exc.")]
    for call in writes.session_calls(source):
        assert isinstance(call.func, ast.Attribute)
        if call.func.attr not in LOOK_UP or call.keywords:
            found.append(f"{source.path}:{call.lineno}: {ast.unparse(call)}")
    return found


def _opens(source: Source) -> bool:
    """Return whether a file opens a transaction, or a connection of its own."""
    calls = (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))
    return any(source.qualified(call.func) in OPENING for call in calls)


def _asks(source: Source) -> list[str]:
    """Return how a file has a worker do something by itself, rather than after its transaction."""
    found = [name for name in source.names.values() if name.split(".")[0] == "celery"]
    found += [name for name in source.names.values() if f"{name}.".startswith("mailer.tasks.")]
    calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    found += [ast.unparse(each) for each in calls if source.qualified(each.func).endswith(".ask_for")]
    return found + [ast.unparse(each) for each in calls if getattr(each.func, "attr", "") in ASK]


def test_doors_write_no_sql() -> None:
    assert [found for source in writes.sources() if _is_door(source) for found in _sql(source)] == []


def test_only_doors_and_workers_open_transactions() -> None:
    opening = {source.path for source in writes.sources() if _opens(source) and not _is_door(source)}
    assert opening - {"mailer/core/db.py"} == WORKERS


def test_no_page_and_no_command_asks_for_a_task_by_itself() -> None:
    """It is asked for once what caused it is committed: `after_commit.wake`."""
    others = [source for source in writes.sources() if source.path not in MAY_ASK]
    assert [(source.path, found) for source in others for found in _asks(source)] == []


@pytest.mark.parametrize(
    "line",
    [
        "from mailer import tasks",
        "from mailer.tasks import send_notices",
        "import celery",
        "from mailer.celery_app import ask_for; ask_for(given)",
        "from mailer import celery_app; celery_app.ask_for(given)",
        "from mailer.celery_app import app; app.send_task(given)",
        "given.delay()",
    ],
)
def test_a_task_asked_for_by_itself_is_found(line: str) -> None:
    """The proof that this can fail."""
    assert len(_asks(writes.read(f"{DOOR}        {line}\n", "mailer/web/other.py"))) == 1


DOOR = """
from mailer.core.db import transaction
from mailer.cli.opening import opened
from mailer.subscribers.models import Subscriber
def page(given) -> None:
    with transaction() as db:
"""


@pytest.mark.parametrize(
    "line",
    [
        "db.execute(given)",
        "x = db.scalars(given).all()",
        "db.get(Subscriber, given, with_for_update=True)",
        "db.add(given)",
        "import sqlalchemy",
        "from sqlalchemy import select",
        "from sqlalchemy.dialects.postgresql import insert",
        "with opened() as other: other.scalar(given)",
    ],
)
def test_sql_of_a_door_is_found(line: str) -> None:
    """The proof that the first test can fail."""
    assert len(_sql(writes.read(f"{DOOR}        {line}\n", "mailer/web/other.py"))) == 1


def test_a_door_may_look_a_row_up() -> None:
    source = writes.read(f"{DOOR}        return db.get(Subscriber, given)\n", "mailer/web/other.py")
    assert _sql(source) == []
    assert _opens(source)
