"""Real PostgreSQL and Redis for every test that asks: the given ones, or the embedded ones, started once."""

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text
from sqlalchemy.orm import Session

from mailer.backup.migrate import upgrade
from mailer.core import embedded
from mailer.core import settings as settings_module
from mailer.core.db import engine, transaction
from mailer.core.settings import Settings
from mailer.monitoring import alarms
from mailer.privacylog import decisions
from mailer.staff import passwords
from mailer.subscribers.consent import anchors
from tests.support.make import empty

MOST_WORKERS = 6
SECRETS = {
    "MAILER_SECRET_KEYS": "0ld-key-0ld-key-abcdefghijklmnopq,n3w-key-n3w-key-abcdefghijklmnopq",
    "MAILER_FINGERPRINT_KEY": "fingerprint-key-abcdefghijklmnopqrs",
}
IDENTITY = {
    "MAILER_RELAY_URL": "smtp://127.0.0.1:1",
    "MAILER_PUBLIC_URL": "http://letters.example.org",
    "MAILER_CONTROLLER_NAME": "Association d'exemple",
    "MAILER_CONTROLLER_ADDRESS": "1 rue de l'Exemple, 59000 Lille",
    "MAILER_RIGHTS_EMAIL": "droits@example.org",
    "MAILER_DPO_EMAIL": "dpo@example.org",
    "MAILER_RECIPIENTS": "le service communication",
    "MAILER_HOST_NAME": "Hébergeur d'exemple, Lille",
    "MAILER_ALERT_ADDRESS": "alerte@example.org",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long runs when it is asked for: by `make faults`, or by `-m long`."""
    if not config.pluginmanager.has_plugin("tests.faults.table") and "long" not in config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


def pytest_xdist_auto_num_workers() -> int:
    """Return one more than there are processors: a test waits for its servers much of its time.

    Each has a PostgreSQL, a Redis and a Chromium of its own; servers that are given serve one alone.
    """
    given = {"MAILER_TEST_DATABASE_URL", "MAILER_TEST_DIR"} & os.environ.keys()
    return 0 if given else min((os.cpu_count() or 1) + 1, MOST_WORKERS)


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    """The process's settings, on servers that hold nothing but the tests."""
    os.environ.update(SECRETS | IDENTITY)
    os.environ["MAILER_ENV_FILE"] = os.devnull
    folder = Path(os.environ.get("MAILER_TEST_DIR") or tempfile.mkdtemp(prefix="mailer-tests-"))
    os.environ["MAILER_DATA_DIR"] = str(folder)
    given = os.environ.get("MAILER_TEST_DATABASE_URL") and os.environ.get("MAILER_TEST_REDIS_URL")
    if not given:
        servers = embedded.provide(folder)
        os.environ["MAILER_DATABASE_URL"] = servers.database_url
        os.environ["MAILER_REDIS_URL"] = servers.redis_url
    else:
        os.environ["MAILER_DATABASE_URL"] = os.environ["MAILER_TEST_DATABASE_URL"]
        os.environ["MAILER_REDIS_URL"] = os.environ["MAILER_TEST_REDIS_URL"]
    settings_module.settings.cache_clear()
    if not given:
        _wait_for_no_disk()
    upgrade(engine())
    yield settings_module.settings()
    engine().dispose()
    embedded.release(folder)
    if "MAILER_TEST_DIR" not in os.environ:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_no_disk() -> None:
    """Let no commit wait: what is written survives a process that is killed, though not a power cut."""
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("SELECT pg_reload_conf()"))


@pytest.fixture(scope="session", autouse=True)
def real_hasher() -> Iterator[PasswordHasher]:
    """Give the hasher of production; the others' passwords are hashed by one that takes little time."""
    with pytest.MonkeyPatch.context() as patch:
        real = passwords._hasher
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield real


@pytest.fixture(scope="session", autouse=True)
def alarms_at_once() -> Iterator[timedelta]:
    """Have each page look for alarms itself; how long production keeps them."""
    with pytest.MonkeyPatch.context() as patch:
        kept_for = alarms.KEPT_FOR
        patch.setattr(alarms, "KEPT_FOR", timedelta(0))
        yield kept_for


@pytest.fixture
def clean(settings: Settings) -> None:
    """An empty database: for tests that commit, or that run other processes."""
    with engine().begin() as connection:
        empty(connection)
    for folder in (anchors.FOLDER, decisions.FOLDER):
        shutil.rmtree(settings.data_dir / folder, ignore_errors=True)


@pytest.fixture
def db(clean: None) -> Iterator[Session]:
    """A session in a transaction, on an empty database; commits when the test passes."""
    with transaction() as session:
        yield session


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI everything is installed: what would be skipped has failed."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
    return report
