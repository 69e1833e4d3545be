"""Each table is written by one room: the one that its model is in."""

from collections.abc import Iterable
from functools import lru_cache

import pytest

from tests.architecture import writes
from tests.architecture.writes import FILES, MODELS, UNKNOWN, Write

# Retention ends rows of every room by one statement, which each of its rules names a table to.
EXCEPTIONS = {("mailer/privacy/retention/rules.py", UNKNOWN)}


def _room(module: str) -> str:
    """Return `mailer.ROOM`; of core, whose small tables have a file each, the file."""
    return module if module.startswith("mailer.core.") else ".".join(module.split(".")[:2])


@lru_cache(maxsize=1)
def _written() -> dict[str, list[Write]]:
    """Return the writes of every file, by its module."""
    return {source.module: list(writes.writes(source)) for source in writes.sources()}


def _foreign(module: str, found: Iterable[Write]) -> list[Write]:
    """Return the writes to tables of other rooms."""
    return [
        write for write in sorted(set(found), key=lambda write: write.line)
        if _room(module) not in {_room(FILES.get(table, "")) for table in write.tables}
        and not any((write.path, table) in EXCEPTIONS for table in write.tables)
    ]  # fmt: skip


def test_each_table_is_written_by_its_room() -> None:
    assert [write for module, found in _written().items() for write in _foreign(module, found)] == []


def test_every_exception_is_needed() -> None:
    written = {
        (write.path, table) for found in _written().values() for write in found for table in write.tables
    }
    assert EXCEPTIONS - written == set()


def test_every_table_is_written() -> None:
    """What the search overlooks, nothing would hold."""
    written = {table for found in _written().values() for write in found for table in write.tables}
    assert set(FILES) - written == set()


def test_a_room_s_tables_are_in_its_models() -> None:
    files = {model.rpartition(".")[0] for model in MODELS}
    assert {
        file for file in files if not file.startswith("mailer.core.") and not file.endswith(".models")
    } == set()


def test_every_table_is_in_the_metadata_of_the_migrations() -> None:
    """mailer/models.py alone makes every table known: whoever imports it need import no room."""
    gathered = {
        name
        for source in writes.sources()
        if source.path == "mailer/models.py"
        for name in source.names.values()
    }
    assert {FILES[table] for table in FILES} - gathered == set()


HEAD = """
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session
from mailer.core.db import transaction
from mailer.subscribers import subscriptions
from mailer.subscribers.models import Subscriber, Subscription
def use(db: Session, one: Subscriber, some: list[Subscriber], unknown) -> None:
"""


@pytest.mark.parametrize(
    "line",
    [
        "db.execute(insert(Subscriber).values(x=1))",
        "db.execute(postgresql.insert(Subscriber))",
        "db.execute(update(Subscriber.__table__))",
        "db.execute(Subscriber.__table__.delete())",
        "db.execute(delete(unknown))",
        "db.execute(text('UPDATE subscriber SET name = NULL'))",
        "db.execute(text('''WITH x AS (\\n INSERT  INTO\\n subscriber VALUES (1)) SELECT 1'''))",
        "unknown.copy('COPY subscriber (id) FROM STDIN')",
        "unknown.execute(f'DELETE FROM {unknown}')",
        "db.add(Subscriber())",
        "db.add(unknown)",
        "db.add_all(some)",
        "db.delete(one)",
        "one.name = None",
        "one.name, x = None, 1",
        "setattr(one, 'name', None)",
        "for each in some: each.locale = 'fr'",
        "db.get_one(Subscriber, 1).name = 'x'",
        "x = db.scalar(select(Subscriber)); x.name = 'x'",
        "if x := db.scalars(select(Subscriber).where(Subscriber.name == 'x')).all(): x[0].name = 'y'",
        "subscriptions.subscriber_for(db, '', None, 'fr', None).name = 'x'",
        "db.get_one(Subscription, 1).subscriber.name = 'x'",
        "unknown.paused_until = None",
    ],
)
def test_a_write_from_another_room_is_found(line: str) -> None:
    """The proof that the first test can fail."""
    source = writes.read(f"{HEAD}    {line}\n", "mailer/issues/other.py")
    assert len(_foreign(source.module, writes.writes(source))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "db.scalar(select(Subscriber).with_for_update())",
        "text('SELECT 1 FROM subscriber FOR UPDATE OF subscriber')",
        "set().add(one.name)",
        "name = one.name",
    ],
)
def test_what_only_reads_is_none(line: str) -> None:
    source = writes.read(f"{HEAD}    {line}\n", "mailer/issues/other.py")
    assert _foreign(source.module, writes.writes(source)) == []
