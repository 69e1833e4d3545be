"""Run `smtp-sink` of Postfix: a relay in C that accepts everything, and counts it."""

import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.processes import Child, cpu
from mailer.core.embedded import free_port

BACKLOG = 256
STARTS_WITHIN = 10.0  # seconds
_TAIL = 80  # bytes: longer than one report of the counters


class NoPostfix(Exception):
    """`smtp-sink` and `smtp-source` are not here: install Postfix (Debian, Ubuntu: apt install postfix)."""


def program(name: str) -> str:
    """Where a program of Postfix is.  Raises NoPostfix."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise NoPostfix(
            f"{name} is not installed: it comes with Postfix (on Debian or Ubuntu: apt install postfix, "
            "no configuration is needed)"
        )
    return found


class Sink:
    """Read a running sink."""

    def __init__(self, child: Child, port: int) -> None:
        self.child, self.port = child, port
        self._counted = 0

    def count(self) -> int:
        """Messages accepted so far, as the sink itself says: "\\rsess=1 quit=0 mesg=42\\r"."""
        with self.child.log.open("rb") as counters:
            counters.seek(max(0, counters.seek(0, os.SEEK_END) - _TAIL))
            reports = counters.read().split(b"mesg=")[1:]
        complete = [report for report in reports if b"\r" in report]
        if complete:
            self._counted = int(complete[-1].partition(b"\r")[0])
        return self._counted

    def forget(self) -> None:
        """Empty the file of counters, which only grows; the counts themselves go on."""
        self.count()
        os.truncate(self.child.log, 0)

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU used so far."""
        return {"sink": cpu(self.child.family())}


@contextmanager
def running(folder: Path, name: str = "sink") -> Iterator[Sink]:
    """A sink on a port of its own.  Raises NoPostfix."""
    port = free_port()
    who = ("-u", "nobody") if os.geteuid() == 0 else ()
    command = (program("smtp-sink"), *who, "-c", f"127.0.0.1:{port}", str(BACKLOG))
    with Child(*command, log=folder / f"{name}.counters") as child:
        _wait(port)
        yield Sink(child, port)


def _wait(port: int) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise TimeoutError("smtp-sink did not start")
