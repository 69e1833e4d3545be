"""A copy of the whole database, as a snapshot or a machine put back would bring it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy import create_engine, make_url, text

from mailer.core.db import engine
from mailer.core.settings import Settings
from tests.support.fresh_database import turn


@contextmanager
def snapshot(settings: Settings) -> Iterator[Callable[[], Settings]]:
    """Copy the database as it is now; what it gives has the process use the copy, until the end."""
    url = make_url(settings.database_url or "")
    name = f"snapshot_{uuid4().hex}"
    server = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    engine().dispose()
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {url.database}"))
    try:
        yield lambda: turn(url.set(database=name).render_as_string(hide_password=False))
    finally:
        turn(settings.database_url or "")
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()
