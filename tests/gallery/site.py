"""A body that does not exist, at an address of its own, on one fixed morning: nothing here is chance."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine
from flask import Flask
from werkzeug.serving import make_server

from mailer.backup.migrate import upgrade
from mailer.core import embedded
from mailer.core import settings as settings_module
from mailer.core.db import engine
from mailer.core.settings import Settings
from mailer.monitoring import alarms
from mailer.web.app import create_app
from mailer.web.public import forms
from mailer.web.security import limiter

NOW = datetime(2026, 12, 8, 9, tzinfo=UTC)  # a Tuesday, ten o'clock in Paris
NAME = "lettres.example.org"  # where the pages say they are; the browser is told where that is
_YEARS = timedelta(days=36_500)
_VALUES = {
    "PUBLIC_URL": f"http://{NAME}",
    "RELAY_URL": "smtp://127.0.0.1:1",
    "EMBED_ORIGINS": "http://mairie.example.org",
    "CONTROLLER_NAME": "Commissariat à la lutte contre la pauvreté",
    "CONTROLLER_ADDRESS": "1 rue de l’Exemple, 59000 Lille",
    "RIGHTS_EMAIL": "droits@example.org",
    "DPO_EMAIL": "dpo@example.org",
    "RECIPIENTS": "le service communication du commissariat",
    "HOST_NAME": "Hébergeur d’exemple, Lille",
    "ALERT_ADDRESS": "alerte@example.org",
    "SECRET_KEYS": "gallery-key-abcdefghijklmnopqrstuvwxyz",
    "FINGERPRINT_KEY": "gallery-fingerprint-key-abcdefghijkl",
}


@dataclass(frozen=True)
class House:
    """The site, and on which port of this machine it listens."""

    app: Flask
    given: Settings
    port: int


@contextmanager
def opened(folder: Path) -> Iterator[House]:
    """Servers, site and the fixed morning, as long as the context lasts.  Raises embedded.Unavailable."""
    given = _configured(folder)
    upgrade(engine())
    with time_machine.travel(NOW, tick=False):
        app = create_app(given)
        app.permanent_session_lifetime = _YEARS  # the browser goes by its own clock
        limiter.enabled = False
        forms.FASTEST = timedelta(0)  # time stands still: nobody takes any
        alarms.KEPT_FOR = timedelta(0)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield House(app, given, server.server_port)
        finally:
            server.shutdown()
            server.server_close()
            engine().dispose()
            embedded.release(folder)


def _configured(folder: Path) -> Settings:
    servers = embedded.provide(folder)
    os.environ |= {f"MAILER_{name}": value for name, value in _VALUES.items()} | {
        "MAILER_ENV_FILE": os.devnull, "MAILER_DATA_DIR": str(folder),
        "MAILER_DATABASE_URL": servers.database_url, "MAILER_REDIS_URL": servers.redis_url,
    }  # fmt: skip
    settings_module.settings.cache_clear()
    return settings_module.settings()
