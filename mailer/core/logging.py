"""Set up logs (structlog) and metrics (Prometheus).  Neither ever holds personal data: ids only.

One line a record, in one form, whoever writes it: the service, Celery, gunicorn, a library.  Whatever is
bound to the context (`following`) stands in each line written meanwhile: a request, a task, an issue.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Literal

import structlog
from prometheus_client import Counter, Gauge
from structlog.types import Processor

ADDRESS = re.compile(r"[^\s<>\"'(),:;]+@[^\s<>\"'(),;]+")
TOKEN = re.compile(r"(?<=/)[A-Za-z0-9_.\-]{40,}")
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
CHATTY = (  # say nothing that is of use unless something is wrong
    "alembic", "celery.app.trace", "celery.beat", "celery.worker.request", "celery.worker.strategy",
    "flask-limiter", "werkzeug",
)  # fmt: skip
FIRST = ["timestamp", "level", "event", "logger", "request", "task", "task_id", "job", "issue"]
_PLAIN = (bool, int, float, type(None))

deliveries = Counter("mailer_deliveries_total", "Ledger rows that took this state", ["state"])
notices = Counter("mailer_notices_total", "Notices that took this state", ["state"])
unfinished = Gauge("mailer_deliveries_unfinished", "Ledger rows not yet in a final state")


def scrub(text: str) -> str:
    """Remove addresses, and tokens in paths, should any get here against the rule."""
    if "@" in text:
        text = ADDRESS.sub("[address]", text)
    return TOKEN.sub("[token]", text) if "/" in text else text


def following(**ids: str) -> AbstractContextManager[None]:
    """Have every line written meanwhile, in this thread, name what it is about; ids only."""
    return structlog.contextvars.bound_contextvars(**ids)


def followed(name: str) -> str | None:
    """Return the id that lines name now, if any."""
    found = structlog.contextvars.get_contextvars().get(name)
    return str(found) if found else None


def configure(form: LogFormat = "text", level: LogLevel = "info") -> None:
    """Log one scrubbed line a record on standard error: logfmt, or JSON."""
    number = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(form))
    logging.basicConfig(level=number, handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(
            logging.DEBUG if number == logging.DEBUG else max(number, logging.WARNING)
        )
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _shared() -> list[Processor]:
    """Return what is done to every record, ours or a library's."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]


def _formatter(form: LogFormat) -> logging.Formatter:
    shown: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.processors.LogfmtRenderer(key_order=FIRST, drop_missing=True)
    )
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _scrub_event, shown]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_shared(), processors=last)


def _scrub_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value if isinstance(value, _PLAIN) else scrub(str(value)) for key, value in event.items()}


log = structlog.get_logger("mailer")
