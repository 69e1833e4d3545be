"""A database made for one test, on the tests' server, and the process turned to it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy import create_engine, make_url, text

from mailer.core import settings as settings_module
from mailer.core.db import engine
from mailer.core.settings import Settings


@contextmanager
def fresh_database(settings: Settings) -> Iterator[Settings]:
    """An empty database; the process's settings and engine are of it until the end."""
    url = make_url(settings.database_url or "")
    name = f"drill_{uuid4().hex}"
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield turn(url.set(database=name).render_as_string(hide_password=False))
    finally:
        turn(settings.database_url or "")
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


def turn(url: str) -> Settings:
    """Have the process use that database."""
    engine().dispose()
    engine.cache_clear()
    os.environ["MAILER_DATABASE_URL"] = url
    settings_module.settings.cache_clear()
    return settings_module.settings()
