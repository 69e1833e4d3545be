"""What every door does before it opens: read the settings, and find the two servers or start them."""

import os

from mailer.core import embedded
from mailer.core.settings import Settings, settings


def prepare() -> Settings:
    """Return the settings, with a database and a Redis in them: the given ones, or embedded ones in DATA_DIR.

    Child processes inherit what was found.  Raises SettingsError, embedded.Unavailable.
    """
    given = settings()
    if given.database_url and given.redis_url:
        return given
    servers = embedded.provide(given.data_dir)
    os.environ["MAILER_DATABASE_URL"] = given.database_url or servers.database_url
    os.environ["MAILER_REDIS_URL"] = given.redis_url or servers.redis_url
    settings.cache_clear()
    return settings()
