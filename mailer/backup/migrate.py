"""Bring the database to this version's schema."""

from importlib.metadata import version

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from mailer.core import postgres
from mailer.core.paths import migrations_dir
from mailer.models import metadata


class UnknownRevision(Exception):
    """Say that the database was made by a version before the first release, or by a later one than this."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"mailer {version('mailer')} does not know revision {revision} of this database: run the version "
            "that made it, or, before 0.2.0, export the subscribers with that and import them here"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()))
    return config


def upgrade(engine: Engine) -> str:
    """Apply what is missing in one transaction; return the revision reached.

    Raises UnknownRevision, postgres.TooOld.
    """
    with engine.begin() as connection:
        postgres.check_version(number(connection))
        before = current(connection)
        if before and not knows(before):
            raise UnknownRevision(before)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return current(connection) or ""


def number(connection: Connection) -> int:
    """Return the server's version, as libpq gives it."""
    driver = connection.connection.driver_connection
    return int(driver.info.server_version) if driver else 0


def current(connection: Connection) -> str | None:
    """Return the revision the database is at, None before the first."""
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """Return the revision this version of the code expects."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def knows(revision: str) -> bool:
    """Return whether this version of the code can upgrade from that revision."""
    return any(
        script.revision == revision for script in ScriptDirectory.from_config(_config()).walk_revisions()
    )


def drift(connection: Connection) -> list[object]:
    """Return what the models have and the database has not, or the reverse; empty when they are in step."""
    return list(compare_metadata(MigrationContext.configure(connection), metadata))
