"""What the time of an answer tells: requests over HTTP, and how well a watch parts two classes."""

import http.client
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import click

from bench.processes import Child
from mailer.core.embedded import free_port

WITHIN = 0.03  # of a half
STARTS_WITHIN = 30.0  # seconds


@contextmanager
def site(folder: Path) -> Iterator[http.client.HTTPConnection]:
    """Serve the pages, as in production; a connection to them."""
    port = free_port()
    web = (sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "4",
           "--keep-alive", "75")  # fmt: skip
    with Child(*web, "mailer.web.app:create_app()", log=folder / "web.log"):
        yield _reached(port)


def ask(
    connection: http.client.HTTPConnection, path: str, body: str, headers: Mapping[str, str], status: int
) -> float:
    """Seconds from a POST to its whole answer, which has this status."""
    form = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    begun = time.perf_counter()
    connection.request("POST", path, body, form)
    answer = connection.getresponse()
    answer.read()
    taken = time.perf_counter() - begun
    if answer.status != status:
        raise click.ClickException(f"{path[:20]} answered {answer.status}")
    return taken


def told(times: Mapping[str, list[float]], against: str) -> dict[str, float]:
    """Each class's area under the ROC curve against that one; the medians go to standard error."""
    for each, taken in times.items():
        click.echo(f"{each:10}  median {median(taken) * 1e3:.3f} ms", err=True)
    return {each: round(auc(times[each], times[against]), 4) for each in times if each != against}


def is_within(areas: Mapping[str, float]) -> bool:
    """Return whether no class is told from the other."""
    return all(abs(area - 0.5) <= WITHIN for area in areas.values())


def auc(these: list[float], those: list[float]) -> float:
    """The chance that one of these took longer than one of those; ties count half (Mann and Whitney)."""
    order = sorted([(time, True) for time in these] + [(time, False) for time in those])
    ranks, start = 0.0, 0
    while start < len(order):
        end = start
        while end < len(order) and order[end][0] == order[start][0]:
            end += 1
        ranks += sum(ours for _, ours in order[start:end]) * (start + end + 1) / 2
        start = end
    count = len(these)
    return (ranks - count * (count + 1) / 2) / (count * len(those))


def _reached(port: int) -> http.client.HTTPConnection:
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.connect()
        except OSError:
            if time.monotonic() > deadline:
                raise click.ClickException("the site did not start") from None
            time.sleep(0.2)
        else:
            return connection
