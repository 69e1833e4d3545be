"""Hold the engine, the declarative base, and the one way to open a transaction."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    Connection,
    CursorResult,
    DateTime,
    Engine,
    Enum,
    Executable,
    LargeBinary,
    MetaData,
    Uuid,
    create_engine,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session

from mailer.core import after_commit, clock
from mailer.core.settings import SettingsError, settings

_CLOCK = select(func.clock_timestamp())
# libpq's own wait hours for a server that is switched off or behind a broken network: within a minute of its
# silence a connection is an error here, which is told and tried again
CONNECTION = {
    "connect_timeout": 10, "tcp_user_timeout": 60_000,  # seconds; milliseconds
    "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3,
}  # fmt: skip


class Base(DeclarativeBase):
    """Derive every table; constraint names are derived too, so that migrations can drop them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        UUID: Uuid,
        bytes: LargeBinary,
        dict[str, Any]: JSONB,
    }


def enum(of: type[StrEnum], length: int = 20) -> Enum:
    """Return a text column with a CHECK, holding the members' values."""
    return Enum(
        of, native_enum=False, length=length, name=of.__name__.lower(), create_constraint=True,
        values_callable=lambda members: [member.value for member in members],
    )  # fmt: skip


def utcnow() -> datetime:
    """Return the instant by the database's clock, aware, in UTC.  For doors only: rooms are given `now`.

    A process that has not yet looked at that clock does so; where there is no database it goes by its host's.
    """
    if not clock.is_known() and clock.is_due():
        clock.begin_look()
        with suppress(SQLAlchemyError, SettingsError, RuntimeError), engine().connect() as connection:
            _look(connection)
    return clock.now()


def _look(connection: Connection) -> None:
    """Look at the database's clock; the time it took to have the connection is none of the answer's."""
    asked_at = clock.steady()
    clock.set_to(connection.execute(_CLOCK).scalar_one(), asked_at)


@lru_cache(maxsize=1)
def engine() -> Engine:
    """Return the process's engine, made on first use.

    A forked child must not share its parent's sockets: it forgets the engine (below) and makes its own.
    Parameters stay out of errors and logs, since they are people's addresses.  Statements are never prepared:
    the plan PostgreSQL would keep for the ledger's is made for ten rows, and costs
    twice the time with two hundred, three times with four hundred.
    """
    url = settings().database_url
    if url is None:
        raise RuntimeError("no database yet: the door that starts the process calls embedded.provide() first")
    return create_engine(
        url,
        pool_size=5,
        max_overflow=5,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"prepare_threshold": None, **CONNECTION},
    )


def _forget_engine() -> None:
    if engine.cache_info().currsize:
        engine().dispose(close=False)
        engine.cache_clear()


os.register_at_fork(after_in_child=_forget_engine)


@contextmanager
def transaction() -> Iterator[Session]:
    """Open a transaction, at a door or in a worker: commit on success, roll back on any exception.

    What was asked to happen after the commit happens once the connection is given back.
    """
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        if clock.is_due():
            clock.begin_look()
            _look(session.connection())
        yield session
    after_commit.committed(session)


def changed(db: Session, statement: Executable, **values: Any) -> int:
    """Execute an INSERT, UPDATE or DELETE; return how many rows it changed."""
    done = db.execute(statement, values or None)
    if not isinstance(done, CursorResult):
        raise TypeError(statement)
    return done.rowcount
