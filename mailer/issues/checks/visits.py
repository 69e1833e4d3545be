"""Hold what an address answered when the server looked at it.  Pure."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Visit:
    """Hold the answer of an address: a status of HTTP, or why there is none (mailer/core/public_web.py)."""

    at: datetime
    status: int | None
    fault: str | None = None
