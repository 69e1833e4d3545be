"""Set up logs (structlog) and metrics (Prometheus).  Neither ever holds personal data: ids only."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import Counter, Gauge

ADDRESS = re.compile(r"[^\s<>\"'(),:;]+@[^\s<>\"'(),;]+")
TOKEN = re.compile(r"(?<=/)[A-Za-z0-9_.\-]{40,}")

deliveries = Counter("mailer_deliveries_total", "Ledger rows that took this state", ["state"])
notices = Counter("mailer_notices_total", "Notices that took this state", ["state"])
unfinished = Gauge("mailer_deliveries_unfinished", "Ledger rows not yet in a final state")


def scrub(text: str) -> str:
    """Remove addresses, and tokens in paths, should any get here against the rule."""
    if "@" in text:
        text = ADDRESS.sub("[address]", text)
    return TOKEN.sub("[token]", text) if "/" in text else text


def _scrub_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: scrub(value) if isinstance(value, str) else value for key, value in event.items()}


class _ScrubbedFormatter(logging.Formatter):
    """Scrub what the libraries' loggers write (Celery, Werkzeug, gunicorn), tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


def configure(level: int = logging.INFO) -> None:
    """Log one scrubbed line a record on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_ScrubbedFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("celery.worker.strategy", "celery.app.trace", "celery.beat"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _scrub_event,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


log = structlog.get_logger("mailer")
