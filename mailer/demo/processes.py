"""Start the demo's processes together, watch them, and end them all."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

STOP_TIMEOUT = 15.0  # seconds for processes to end by themselves


class ProcessEnded(Exception):
    """Say that a process of the demo ended by itself; the message says which, and where its log is."""


class Processes:
    """Run named child processes with a log each; leaving the context ends them all."""

    def __init__(self, logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._members: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members.values():
            if member.stdin:
                with suppress(OSError):
                    member.stdin.close()  # mailer.demo.child sees it, and ends what it runs
        deadline = time.monotonic() + STOP_TIMEOUT
        for member in self._members.values():
            try:
                member.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                member.kill()

    def start(self, name: str, *module_and_arguments: str) -> None:
        """Run `python -m …` until the context ends."""
        command = [sys.executable, "-m", "mailer.demo.child", sys.executable, "-m", *module_and_arguments]
        with self.log(name).open("ab") as log:
            self._members[name] = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def check(self) -> None:
        """Raise ProcessEnded if a process has ended."""
        for name, member in self._members.items():
            if member.poll() is not None:
                raise ProcessEnded(f"{name} stopped by itself: its log is {self.log(name)}")

    def wait_for(self, url: str, timeout: float = 60) -> None:
        """Until a page answers.  Raises ProcessEnded."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self.check()
            with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 -- our own page
                return
            time.sleep(0.1)
        raise ProcessEnded(f"{url} did not answer within {timeout:.0f} s: see {self._logs}")
