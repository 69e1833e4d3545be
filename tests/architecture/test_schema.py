"""The database is what the models say."""

from mailer.backup import migrate
from mailer.core.db import engine
from mailer.core.settings import Settings


def test_migrations_are_in_step_with_the_models(settings: Settings) -> None:
    with engine().connect() as connection:
        assert migrate.drift(connection) == []
        assert migrate.current(connection) == migrate.head()
