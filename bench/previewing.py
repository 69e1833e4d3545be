"""Measure the preview of the real letter as it is written, over HTTP: on a quiet machine, and beside a send.

Each round saves another title in one block, then asks for the whole letter: parsed, rendered, compiled, and
read to its last byte.  A page of the same server that looks at nothing is asked for in the same rounds.
"""

import http.client
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from bench import answer_times, sending
from bench.comparisons import Uncounted
from bench.services import Services
from bench.sink import Sink
from mailer.core.db import transaction, utcnow
from mailer.core.paths import templates_dir
from mailer.issues import composing, drafts, lifecycle, yaml_file
from mailer.staff import accounts

WITHIN = 0.3  # seconds, what we ask of ourselves: at the 95th percentile
WARM_UP = 5  # rounds
_EMAIL, _PASSWORD = "bench@example.org", "quatre mots pour mesurer"
_PLAIN = "/robots.txt"


@dataclass
class PreviewTimes:
    """Hold the seconds of each answer, in one state of the machine."""

    previews: list[float] = field(default_factory=list)
    saves: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The preview's 95th percentile to that of a page that looks at nothing."""
        return percentile(self.previews) / percentile(self.plain)


@dataclass(frozen=True)
class Previewing:
    """Hold both states, and how many messages the send had."""

    quiet: PreviewTimes
    beside: PreviewTimes
    messages: int
    load: float  # of the machine just before: processes that ran or waited to

    @property
    def within(self) -> bool:
        """Return whether a preview is there in time, also beside a send."""
        return max(percentile(self.quiet.previews), percentile(self.beside.previews)) <= WITHIN


def percentile(times: list[float], share: float = 0.95) -> float:
    """The smallest of these times within which so large a share of them is."""
    return sorted(times)[ceil(share * len(times)) - 1]


def measure(services: Services, sink: Sink, slug: str, messages: int, rounds: int) -> Previewing:
    """So many rounds on a quiet machine, then as many as there is time for while the newsletter is sent.

    Raises Stalled, Uncounted.
    """
    letter, load = _letter(slug), os.getloadavg()[0]
    with answer_times.site(services.folder) as connection:
        desk = _Desk(connection, letter)
        quiet, beside = PreviewTimes(), PreviewTimes()
        for number in range(-WARM_UP, rounds):
            desk.round(quiet if number >= 0 else PreviewTimes(), f"q{number}")
        with services.letters() as workers:
            sent = _Beside(lambda: sending.send(services, sink, workers, slug, messages))
            while sent.running() or not beside.previews:
                desk.round(beside, f"b{len(beside.previews)}")
            sent.join()
    return Previewing(quiet, beside, messages, load)


class _Beside(threading.Thread):
    """Run something beside, whose failure is the caller's."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._act, self._failed = act, list[Exception]()
        self.start()

    def run(self) -> None:
        try:
            self._act()
        except Exception as error:
            self._failed.append(error)

    def running(self) -> bool:
        """Return whether it goes on.  Raises what it raised."""
        if self._failed:
            raise self._failed[0]
        return self.is_alive()

    def join(self, timeout: float | None = None) -> None:
        super().join(timeout)
        self.running()


def _letter(slug: str) -> UUID:
    """The whole example as a draft, and an account for the desk."""
    content, assets = yaml_file.load(templates_dir() / sending.LETTER)
    with transaction() as db:
        accounts.create(db, email=_EMAIL, name="Léa Martin", password=_PASSWORD, now=utcnow())
        mine = content.model_copy(update={"newsletter": slug})
        return lifecycle.import_issue(db, mine, assets, now=utcnow()).id


class _Desk:
    """Hold a login, and the article whose title changes each round."""

    def __init__(self, connection: http.client.HTTPConnection, letter: UUID) -> None:
        self._connection, self._letter = connection, f"/desk/issues/{letter}"
        self._cookies: dict[str, str] = {}
        values = {"email": _EMAIL, "password": _PASSWORD, "csrf_token": self._token("/login")}
        self._ask("POST", "/login", values, status=303)
        self._csrf = self._token("/desk/issues/new")
        with transaction() as db:
            found = lifecycle.get(db, letter)
            blocks = composing.document(found)["blocks"] if found else []
        self._block = next(block for block in blocks if block["kind"] == "article")

    def round(self, times: PreviewTimes, title: str) -> None:
        """Save another title; the letter has to say it.  Raises Uncounted."""
        block = self._block | {"title": title}
        form = {"csrf_token": self._csrf, "revision": block["revision"], **_flat(drafts.written_block(block))}
        path = f"{self._letter}/compose/blocks/{block['id']}"
        taken, _page = self._ask("POST", path, form, status=303)
        self._block = block | {"revision": block["revision"] + 1}
        times.saves.append(taken)
        taken, page = self._ask("GET", f"{self._letter}/preview?mode=desktop", {}, status=200)
        if f">{title}<" not in page:
            raise Uncounted(f"{title} was saved, and the preview does not show it")
        times.previews.append(taken)
        times.plain.append(self._ask("GET", _PLAIN, {}, status=200)[0])

    def _token(self, path: str) -> str:
        page = self._ask("GET", path, {}, status=200)[1]
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        return token[1] if token else ""

    def _ask(self, method: str, path: str, form: Mapping[str, object], *, status: int) -> tuple[float, str]:
        """Seconds from the request to the whole answer, and what it says.  Raises Uncounted."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies}
        begun = time.perf_counter()
        self._connection.request(method, path, urlencode(form), headers)
        answer = self._connection.getresponse()
        page = answer.read().decode()
        taken = time.perf_counter() - begun
        if answer.status != status:
            raise Uncounted(f"{method} {path} answered {answer.status}")
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return taken, page


def _flat(values: Any, prefix: str = "") -> dict[str, str]:
    """The fields of a form that hold these values, as a browser sends them."""
    if not isinstance(values, dict | list):
        return {prefix: str(values)}
    pairs = values.items() if isinstance(values, dict) else enumerate(values)
    return {k: v for name, value in pairs for k, v in _flat(value, f"{prefix}.{name}".strip(".")).items()}
