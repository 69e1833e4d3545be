"""The database is what the models say."""

from mailer import upgrade
from mailer.db import engine
from mailer.settings import Settings


def test_migrations_are_in_step_with_the_models(settings: Settings) -> None:
    with engine().connect() as connection:
        assert upgrade.drift(connection) == []
        assert upgrade.current(connection) == upgrade.head()
