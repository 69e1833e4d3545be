"""How a command opens the database: prepared, at this version's schema, in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.orm import Session

from mailer import ground, upgrade
from mailer.db import engine, transaction


@contextmanager
def opened() -> Iterator[Session]:
    """One transaction, which commits when the command succeeds."""
    ground.prepare()
    with engine().connect() as connection:
        if upgrade.current(connection) != upgrade.head():
            raise click.ClickException(
                "the database is not at this version's schema: run `mailer db upgrade`"
            )
    with transaction() as db:
        yield db
