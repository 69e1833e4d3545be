"""Prepare a process: read the settings, and find the two servers or start them."""

import os

from mailer.core import embedded
from mailer.core.settings import Settings, settings

PRIVATE = 0o077


def prepare() -> Settings:
    """Return the settings with a database and a Redis: those that are configured, or embedded in DATA_DIR.

    Child processes inherit their addresses.  What this process and they write is for its owner alone:
    journals, logs, reports and backups hold people.  Raises SettingsError, embedded.Unavailable.
    """
    os.umask(PRIVATE)
    configured = settings()
    if configured.database_url and configured.redis_url:
        return configured
    servers = embedded.provide(configured.data_dir)
    os.environ["MAILER_DATABASE_URL"] = configured.database_url or servers.database_url
    os.environ["MAILER_REDIS_URL"] = configured.redis_url or servers.redis_url
    settings.cache_clear()
    return settings()
