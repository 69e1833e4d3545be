"""Measure a kill -9 of all letter workers in mid-send: how soon the send goes on, and what is unknown."""

import time
from dataclasses import dataclass

from bench.comparisons import Uncounted
from bench.sending import SILENCE, Stalled, draft, schedule, states, wait_closed
from bench.services import Services
from bench.sink import Sink
from mailer.smtp.replies import DeliveryState


@dataclass(frozen=True)
class Recovery:
    """Seconds are counted from the moment the new workers are asked for."""

    messages: int
    resumed: float  # until the sink receives again
    settled: float  # until every row is final and the issue closed
    accepted: int
    unknown: int


def measure(services: Services, sink: Sink, slug: str, count: int) -> Recovery:
    """Kill in mid-send, start again at once, wait for the certificate.  Raises Stalled, Uncounted."""
    issue_id, before = draft(slug), sink.count()
    with services.letters() as workers:
        schedule(services, issue_id)
        _until(sink, before + count // 3)
        workers.kill()
    time.sleep(0.5)  # what is on its way into the sink arrives
    restarted, seen = time.monotonic(), sink.count()
    with services.letters() as workers:
        _until(sink, seen + 1)
        resumed = time.monotonic() - restarted
        wait_closed(issue_id, workers, lambda: sink.count() - before, count, "recovering")
    settled = time.monotonic() - restarted
    ledger, received = states(issue_id), sink.count() - before
    accepted, unknown = ledger.get(DeliveryState.ACCEPTED, 0), ledger.get(DeliveryState.UNKNOWN, 0)
    if accepted + unknown != count or not accepted <= received <= count:
        raise Uncounted(f"the sink counted {received}, and the ledger says {ledger}")
    return Recovery(count, resumed, settled, accepted, unknown)


def _until(sink: Sink, wanted: int) -> None:
    deadline = time.monotonic() + SILENCE
    while sink.count() < wanted:
        time.sleep(0.005)
        if time.monotonic() > deadline:
            raise Stalled("nothing more arrives at the sink")
