"""Name each request in the log by an id and its endpoint; never its visitor, nor its path: that holds tokens.

An answer carries its id only where the request had one: two people get the same answer, headers included.
"""

import re
import time
from typing import Any
from uuid import UUID, uuid4

from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from mailer.core.logging import log

HEADER = "X-Request-ID"  # a proxy's own id is taken over, so that its log and ours can be read together
UNSEEN = frozenset(
    {"static", "health.alive", "health.ready", None}
)  # asked all day; what fails there has its own line
_USABLE = re.compile(r"[A-Za-z0-9-]{8,64}")


def init_request_log(app: Flask) -> None:
    """Give an app a line for each request, and its id in every line written meanwhile."""
    app.url_value_preprocessor(_begin)  # the first of what may look, and fail, before a view
    app.after_request(_end)
    app.teardown_request(lambda _: clear_contextvars())


def _begin(_: str | None, values: dict[str, Any] | None) -> None:
    clear_contextvars()
    given = request.headers.get(HEADER, "")
    g.request_id = given if _USABLE.fullmatch(given) else uuid4().hex[:16]
    g.begun = time.monotonic()
    ids = {name.removesuffix("_id"): str(value) for name, value in (values or {}).items()
           if isinstance(value, UUID)}  # fmt: skip
    bind_contextvars(request=g.request_id, **ids)


def _end(response: Response) -> Response:
    if request.headers.get(HEADER) == g.request_id:
        response.headers[HEADER] = g.request_id
    say = log.debug if request.endpoint in UNSEEN else log.info
    took = round(1000 * (time.monotonic() - g.begun))
    say("answered", method=request.method, endpoint=request.endpoint, status=response.status_code, ms=took)
    return response
