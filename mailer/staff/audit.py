"""Who did what with people's data, and when."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from mailer.rights import retention
from mailer.rights.holdings import Keep
from mailer.settings import settings
from mailer.staff.models import Audit

RULE = retention.deletes(
    Keep.AUDIT, lambda: f"the audit: {settings().audit_days} days", Audit,
    lambda now: (Audit.at <= now - timedelta(days=settings().audit_days),),
)  # fmt: skip
TERMINAL = "terminal"  # whoever has a shell on the server


def record(db: Session, *, who: str, what: str, details: dict[str, Any], now: datetime) -> None:
    """Add one line.  `who` is a staff id or TERMINAL; the details name nobody but by fingerprint."""
    db.add(Audit(at=now, who=who, what=what, details=details))
    db.flush()
