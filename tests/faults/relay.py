"""The relay of a fault test, seen from the test: told what to do, asked what it holds."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.faults import copies
from tests.faults.copies import Arrival, End
from tests.faults.script import Rule
from tests.support.waiting import PATIENCE


class Relay:
    """A running smtpd; what it is told is in force when the call returns."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.smtpd", str(log)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.port = int(self._answer()["port"])
        self.url = f"smtp://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._process.communicate(timeout=PATIENCE)

    def script(self, *rules: Rule, seed: int = 0) -> None:
        """Replace the behaviours; none at all: a relay without a fault."""
        self._tell(rules=[rule.as_dict() for rule in rules], seed=seed)

    def offer(self, **changes: Any) -> None:
        """Change what it offers; the fields of smtpd.Offer."""
        self._tell(offer=changes)

    def listen(self, up: bool) -> None:
        """Down, connections are refused; those that are open go on."""
        self._tell(listen=up)

    def hang_up(self) -> None:
        """Reset every open connection."""
        self._tell(hang_up=True)

    def state(self) -> dict[str, int]:
        """Counts: port, connections, open, most_open, took, refused, cut, applied, …"""
        return self._tell()

    def arrivals(self) -> list[Arrival]:
        """Every body that began to reach it, in the order they ended."""
        return copies.read(self.log)

    def taken(self) -> list[Arrival]:
        return [arrival for arrival in self.arrivals() if arrival.end is End.TOOK]

    def wait_taken(self, count: int, seconds: float = PATIENCE) -> None:
        """Until it has taken so many messages."""
        deadline = time.monotonic() + seconds
        while self.state().get("took", 0) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"the relay took {self.state().get('took', 0)} messages, not {count}")
            time.sleep(0.01)

    def forget(self) -> None:
        """An empty log, no behaviour, the usual offer; call when nobody is connected."""
        self.listen(True)
        self.hang_up()
        self._tell(rules=[], forget=True)

    def _tell(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError("the relay has ended")
        state: dict[str, Any] = json.loads(line)
        return state
