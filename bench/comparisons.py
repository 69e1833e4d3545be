"""Measure what we are compared with, on the same sink: `smtp-source`, the limit, and plain smtplib."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.processes import Meter
from bench.sink import Sink, program

SESSIONS = 10


class Uncounted(Exception):
    """The sink did not count what was sent: nothing that was measured can be believed."""


@dataclass(frozen=True)
class Run:
    """Hold the measures of one send of so many messages into the sink."""

    messages: int
    seconds: float
    cpu: dict[str, float]  # seconds, by group of processes
    others: float  # processors that other programs kept busy meanwhile
    peak_pss: int = 0  # bytes, of the largest worker process

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    def micros(self, *groups: str) -> float:
        """Microseconds of CPU a message."""
        return sum(self.cpu[group] for group in groups) / self.messages * 1e6


def smtp_source(sink: Sink, message: Path, count: int) -> Run:
    """The limit: a client in C, 10 sessions, kept open, the same message each time.  Raises Uncounted."""
    command = [
        program("smtp-source"), "-d", "-s", str(SESSIONS), "-m", str(count), "-F", str(message),
        "-f", "lettre@example.org", "-t", "someone@example.org", f"127.0.0.1:{sink.port}",
    ]  # fmt: skip
    before, meter, started = sink.count(), Meter(sink.cpu), time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    counted(sink, before, count)
    return Run(count, seconds, *meter.stop(client=usage.ru_utime + usage.ru_stime))


def plain_smtplib(sink: Sink, message: Path, count: int) -> Run:
    """What one gets without trying: smtplib's `sendmail`, 10 threads, connections kept.  Raises Uncounted."""
    before, meter = sink.count(), Meter(sink.cpu)
    command = [
        sys.executable,
        "-m",
        "bench.smtplib_client",
        str(sink.port),
        str(message),
        str(count),
        str(SESSIONS),
    ]
    measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    counted(sink, before, count)
    return Run(count, measured["seconds"], *meter.stop(client=measured["cpu"]))


def counted(sink: Sink, before: int, expected: int) -> None:
    """Raises Uncounted unless the sink has counted so many messages since."""
    for _ in range(40):
        if sink.count() - before >= expected:
            break
        time.sleep(0.05)  # its last report is still being written
    received = sink.count() - before
    if received != expected:
        raise Uncounted(f"{expected} messages were sent, and the sink counted {received}")
    sink.forget()
