"""Prepare a process: read the settings, and find the two servers or start them."""

import logging as standard
import os
from typing import get_args

from mailer.core import embedded, logging
from mailer.core.logging import LogLevel
from mailer.core.settings import Settings, SettingsError, settings

LEVELS: tuple[LogLevel, ...] = get_args(LogLevel)


def set_up_logs(*, least: LogLevel = "debug") -> None:
    """Log as the settings say, or plainly where they cannot be read; nothing below `least`."""
    try:
        form, level = settings().log_format, settings().log_level
    except SettingsError:
        form, level = "text", "info"
    standard.captureWarnings(capture=True)
    logging.configure(form, max(level, least, key=LEVELS.index))


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
