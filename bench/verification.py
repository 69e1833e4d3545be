"""Measure `mailer consent verify`: of everybody, and of what was added since; its time, and its memory."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psutil

from bench.comparisons import Uncounted
from bench.processes import Meter, cpu, family
from bench.sample_data import SampleSubscribers
from mailer.core.db import transaction, utcnow
from mailer.subscribers import suppressions
from mailer.subscribers.consent import chain
from mailer.subscribers.models import SuppressionReason
from mailer.subscribers.suppressions import SuppressedAddress

_VERIFY = """
import json, resource, sys, time
from mailer.core import bootstrap
from mailer.core.db import transaction, utcnow
from mailer.subscribers.consent import verification
bootstrap.prepare()
began = time.monotonic()
with transaction() as db:
    found = verification.run(db, whole=sys.argv[1] == "whole", now=utcnow())
print(json.dumps({
    "seconds": time.monotonic() - began, "events": found.events,
    "broken": found.broken and found.broken.sentence,
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
}))
"""


@dataclass(frozen=True)
class Verifying:
    """Hold what a verification takes: of the whole, then of what was added."""

    events: int
    seconds: float
    peak: int  # bytes of memory, of the process
    added: int  # events
    seconds_added: float
    lines: int  # of the privacy log, each of a suppression that has to be in the database
    others: float  # processors that other programs kept busy meanwhile


def measure(
    subscribers: SampleSubscribers, newsletter_id: UUID, added: int, *, lines: int,
    servers: Iterable[psutil.Process] = (),
) -> Verifying:  # fmt: skip
    """Verify everybody there is, add some, verify again.  Raises Uncounted where the chain does not hold."""
    _suppress(lines)
    _anchor()
    ours = [psutil.Process(), *servers]
    meter = Meter(lambda: {"ours": sum(cpu(family(each)) for each in ours)})
    whole = _run("whole")
    subscribers.subscribe(newsletter_id, added)
    _anchor()
    since = _run("new")
    return Verifying(
        whole["events"],
        whole["seconds"],
        max(whole["peak"], since["peak"]),
        since["events"],
        since["seconds"],
        lines,
        meter.stop()[1],
    )


def _suppress(count: int) -> None:
    """Suppress so many addresses, of nobody here: each is a row, and a line of the privacy log."""
    with transaction() as db:
        reason, now = SuppressionReason.HARD_BOUNCE, utcnow()
        suppressions.add(
            db, (SuppressedAddress(secrets.token_bytes(32), reason, now) for _ in range(count))
        )  # fmt: skip


def _anchor() -> None:
    with transaction() as db:
        chain.anchor_head(db, now=utcnow())


def _run(what: str) -> dict[str, Any]:
    command = [sys.executable, "-c", _VERIFY, what]
    said: dict[str, Any] = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )
    if said["broken"]:
        raise Uncounted(f"the chain of consent does not hold: {said['broken']}")
    return said
