"""Run the bench's child processes, and measure CPU and memory of process trees, ended children included."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import psutil

from mailer.demo.processes import STOP_TIMEOUT

SAMPLE_EVERY = 0.5  # seconds


class Child:
    """Run a program that ends when the context does, and also when the bench is killed."""

    def __init__(self, *command: str, log: Path, env: Mapping[str, str] | None = None) -> None:
        with log.open("ab") as output:
            self._guard = subprocess.Popen(
                [sys.executable, "-m", "mailer.demo.child", *command],
                stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, **(env or {})},
            )  # fmt: skip
        self.log = log

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._guard.stdin:
            self._guard.stdin.close()
        try:
            self._guard.wait(2 * STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._guard.kill()

    @property
    def alive(self) -> bool:
        return self._guard.poll() is None

    def family(self) -> list[psutil.Process]:
        """The program and its descendants, without the guard that watches over them."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self._guard.pid).children(recursive=True)
        return []

    def kill(self) -> None:
        """kill -9 of the whole family at once."""
        first = psutil.Process(self._guard.pid).children()[0]
        os.killpg(first.pid, signal.SIGKILL)
        self._guard.wait()


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and its descendants."""
    return [process, *process.children(recursive=True)]


def cpu(processes: Iterable[psutil.Process]) -> float:
    """Seconds of CPU these processes used, with those of their children that have ended."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


class Meter:
    """Measure CPU by group of processes until `stop`, and what other programs took meanwhile."""

    def __init__(self, read: Callable[[], dict[str, float]]) -> None:
        self._read = read
        self._before, self._all, self._at = read(), cpu(psutil.process_iter()), time.monotonic()

    def stop(self, **more: float) -> tuple[dict[str, float], float]:
        """(seconds of CPU by group, processors kept busy by others); `more` was measured elsewhere."""
        used = {group: after - self._before[group] for group, after in self._read().items()} | more
        others = cpu(psutil.process_iter()) - self._all - sum(used.values())
        return used, max(0.0, others / (time.monotonic() - self._at))


class Peak:
    """Watch the highest proportional set size of any one process, in bytes (shared memory counts once)."""

    def __init__(self) -> None:
        self.bytes = 0
        self._stop = threading.Event()

    @contextmanager
    def watching(self, child: Child) -> Iterator[None]:
        thread = threading.Thread(target=self._watch, args=(child,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _watch(self, child: Child) -> None:
        while True:
            for process in child.family():
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    self.bytes = max(self.bytes, process.memory_full_info().pss)
            if self._stop.wait(SAMPLE_EVERY):
                return
