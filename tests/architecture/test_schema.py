"""The database is what the models and the SQL files say."""

import pytest
from sqlalchemy import Connection, text

from mailer.backup import migrate
from mailer.core.db import engine
from mailer.core.paths import migrations_dir
from mailer.core.settings import Settings

FUNCTIONS = sorted((migrations_dir() / "functions").glob("*.sql"))


def test_migrations_are_in_step_with_the_models(settings: Settings) -> None:
    with engine().connect() as connection:
        assert migrate.drift(connection) == []
        assert migrate.current(connection) == migrate.head()


@pytest.mark.parametrize("name", [file.stem for file in FUNCTIONS])
def test_a_function_is_what_its_file_says(settings: Settings, name: str) -> None:
    with engine().connect() as connection:
        installed = _definition(connection, name)
        connection.exec_driver_sql((migrations_dir() / "functions" / f"{name}.sql").read_text())
        assert installed == _definition(connection, name)


def _definition(connection: Connection, name: str) -> list[str]:
    """Every function of that name, as PostgreSQL would write it."""
    found = text("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = :name AND prokind = 'f'")
    return list(connection.scalars(found, {"name": name}))
