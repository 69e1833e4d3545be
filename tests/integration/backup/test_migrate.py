"""A database of another version is refused in a sentence, and left as it is."""

import pytest
from sqlalchemy import text

from mailer.backup import migrate
from mailer.backup.migrate import UnknownRevision
from mailer.core.db import engine
from mailer.core.settings import Settings
from tests.support.fresh_database import fresh_database


def test_a_database_of_an_unknown_version_is_refused(settings: Settings) -> None:
    with fresh_database(settings):
        migrate.upgrade(engine())
        with engine().begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0019'"))
        with pytest.raises(UnknownRevision, match="does not know revision 0019"):
            migrate.upgrade(engine())
        with engine().connect() as connection:
            assert migrate.current(connection) == "0019"
