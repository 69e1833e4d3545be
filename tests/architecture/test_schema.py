"""The database is what the models and the SQL files say."""

import re

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from mailer.backup import migrate
from mailer.core.db import engine
from mailer.core.paths import migrations_dir
from mailer.core.settings import Settings

FILES = sorted((migrations_dir() / "functions").glob("*.sql"))
INSTALLED = """
SELECT proname, pg_get_functiondef(oid) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
UNION ALL
SELECT tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
"""


def test_migrations_are_in_step_with_the_models(settings: Settings) -> None:
    with engine().connect() as connection:
        assert migrate.drift(connection) == []
        assert migrate.current(connection) == migrate.head()


def test_functions_and_triggers_are_what_their_files_say(settings: Settings) -> None:
    """Run every file again: nothing may change, and nothing may be installed that no file makes."""
    alone = create_engine(settings.database_url or "", poolclass=NullPool)
    with alone.connect() as connection:
        before = _installed(connection)
        for file in FILES:
            connection.exec_driver_sql(file.read_text(encoding="utf-8").replace("%", "%%"))
        assert _installed(connection) == before
        connection.rollback()
    assert set(before) == _made()


def _installed(connection: Connection) -> dict[str, str]:
    """Return every function and trigger, as PostgreSQL writes it."""
    return {str(row[0]): str(row[1]) for row in connection.execute(text(INSTALLED.replace(":", r"\:")))}


def _made() -> set[str]:
    """Return the names of what the files make."""
    sql = "\n".join(file.read_text(encoding="utf-8") for file in FILES)
    functions = re.findall(r"CREATE OR REPLACE FUNCTION (\w+)\(", sql)
    triggers = re.findall(r"CREATE OR REPLACE TRIGGER (\w+)\s[^;]*?\bON (\w+)", sql)
    return {*functions, *(f"{table}.{name}" for name, table in triggers)}
