"""Alembic's entry: the house's metadata, on the house's engine (or the connection a caller hands over)."""

from alembic import context

from mailer.core.db import engine
from mailer.models import metadata


def run() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        context.configure(connection=given, target_metadata=metadata)
        context.run_migrations()
        return
    with engine().begin() as connection:
        context.configure(connection=connection, target_metadata=metadata)
        context.run_migrations()


run()
