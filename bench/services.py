"""Run a whole installation for the bench: settings, PostgreSQL, Redis, workers as in production."""

import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis
from sqlalchemy import select, text

from bench.processes import Child, cpu, family
from bench.sink import Sink, running
from mailer.backup import migrate
from mailer.core import bootstrap, embedded
from mailer.core.db import engine, transaction
from mailer.core.settings import Settings, settings
from mailer.newsletters.models import Newsletter

_IDENTITY = {
    "PUBLIC_URL": "https://lettre.example.org",
    "CONTROLLER_NAME": "Commissariat à la lutte contre la pauvreté (mesures)",
    "CONTROLLER_ADDRESS": "1 rue de l’Exemple, 59000 Lille",
    "RIGHTS_EMAIL": "droits@example.org",
    "DPO_EMAIL": "dpo@example.org",
    "RECIPIENTS": "le service communication du commissariat",
    "HOST_NAME": "cette machine, pour la mesure",
    "ALERT_ADDRESS": "alerte@example.org",
    "CONNECTIONS": "5",  # of each of two senders: 10 sessions, as smtp-source has
}
SAFE = ("fsync", "synchronous_commit", "full_page_writes")
_CELERY = (sys.executable, "-m", "celery", "-A", "mailer.tasks")
_WORKER = (*_CELERY, "worker", "--without-gossip", "--without-mingle", "--loglevel", "WARNING")


class Unfit(Exception):
    """These servers cannot be measured; the message says what to change."""


@dataclass(frozen=True)
class Services:
    """Hold the installation, without its letter workers: those run only while they are measured."""

    settings: Settings
    folder: Path
    others: list[Child]  # the workers of the other queues, and the beat
    postgres: psutil.Process
    redis: psutil.Process
    facts: dict[str, str]  # what PostgreSQL and Redis say of themselves

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU used so far by each group of processes; the letter workers are their owner's."""
        return {
            "other workers": sum(cpu(child.family()) for child in self.others),
            "postgresql": cpu(family(self.postgres)),
            "redis": cpu([self.redis]),
        }

    @contextmanager
    def letters(self, env: Mapping[str, str] | None = None) -> Iterator[Child]:
        """The workers that send."""
        command = (*_WORKER, "-Q", "letters", "-n", "letters@%h", "-c", str(self.settings.senders))
        with Child(*command, log=self.folder / "letters.log", env=env) as child:
            yield child


@contextmanager
def opened(folder: Path, sink: Sink) -> Iterator[Services]:
    """An installation on the config servers, or on embedded ones in this folder.  Raises Unfit.

    Only letters go to the sink, which counts what it gets: the mail of an alarm (that nobody sends letters
    just now, say) is no part of what is measured.
    """
    with installed(folder, _url(sink)) as (config, facts):
        beat = (*_CELERY, "beat", "--schedule", str(folder / "beat"), "--loglevel", "WARNING")
        with (
            running(folder, "other") as other,
            _worker(folder, "notices", other) as notices,
            _worker(folder, "ticks", other) as ticks,
            _worker(folder, "chores", other) as chores,
            Child(*beat, log=folder / "beat.log") as beat_process,
        ):
            yield Services(
                config,
                folder,
                [notices, ticks, chores, beat_process],
                local_postgres(),
                _redis(config),
                facts,
            )


@contextmanager
def installed(folder: Path, relay: str = "smtp://127.0.0.1:1") -> Iterator[tuple[Settings, dict[str, str]]]:
    """Its settings and servers, without a worker, and what the servers say of themselves.  Raises Unfit."""
    _configure(folder, relay)
    config = bootstrap.prepare()
    try:
        migrate.upgrade(engine())
        yield config, _facts(config)
    finally:
        engine().dispose()
        embedded.release(folder / "servers")


def _worker(folder: Path, queue: str, relay: Sink) -> Child:
    command = (*_WORKER, "-Q", queue, "-n", f"{queue}@%h", "-c", "1")
    return Child(*command, log=folder / f"{queue}.log", env={"MAILER_RELAY_URL": _url(relay)})


def _url(relay: Sink) -> str:
    return f"smtp://127.0.0.1:{relay.port}"


def _configure(folder: Path, relay: str) -> None:
    values = _IDENTITY | {
        "RELAY_URL": relay,
        "DATA_DIR": str(folder / "servers"),
        "SECRET_KEYS": secrets.token_urlsafe(48),
        "FINGERPRINT_KEY": secrets.token_urlsafe(48),
    }
    os.environ |= {f"MAILER_{name}": value for name, value in values.items()}
    os.environ["MAILER_ENV_FILE"] = os.devnull
    settings.cache_clear()


def _facts(config: Settings) -> dict[str, str]:
    """Versions and settings.  Raises Unfit: no figure is worth anything on a server that may lose data."""
    with transaction() as db:
        if db.scalar(select(Newsletter.id).limit(1)):
            raise Unfit("MAILER_DATABASE_URL names a database that is in use: unset it, or give an empty one")
        facts = {name: str(db.scalar(text(f"SHOW {name}"))) for name in (*SAFE, "server_version")}
        unlogged = list(db.scalars(text("SELECT relname FROM pg_class WHERE relpersistence = 'u'")))
    if unsafe := [name for name in SAFE if facts[name] != "on"] or unlogged:
        raise Unfit(f"PostgreSQL must be safe to be measured: see {', '.join(unsafe)}")
    info = redis.Redis.from_url(config.redis_url or "").info()
    return facts | {"unlogged tables": "none", "redis_version": str(info["redis_version"])}


def local_postgres() -> psutil.Process:
    """Return the server's first process.  Raises Unfit when it is not on this machine."""
    with transaction() as db:
        backend = db.scalar(text("SELECT pg_backend_pid()"))
    return _local_process(backend, "postgres").parent() or _local_process(backend, "postgres")


def _redis(config: Settings) -> psutil.Process:
    return _local_process(int(redis.Redis.from_url(config.redis_url or "").info()["process_id"]), "redis")


def _local_process(pid: int | None, name: str) -> psutil.Process:
    """The server's process.  Raises Unfit when it is not on this machine."""
    try:
        process = psutil.Process(pid or 0)
        if process.name().startswith(name):
            return process
    except psutil.Error:
        pass
    raise Unfit(
        f"{name} does not run on this machine, where its CPU can be measured: unset MAILER_DATABASE_URL and "
        "MAILER_REDIS_URL, and the bench starts its own"
    )
