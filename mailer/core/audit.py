"""Record who did what with people's data, and when."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, Session, mapped_column

from mailer.core.db import Base


class Audit(Base):
    """Hold one act on people's data: an export, an import, a change to the suppression list."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    who: Mapped[str]
    what: Mapped[str]
    details: Mapped[dict[str, Any]]


TERMINAL = "terminal"  # whoever has a shell on the server


def record(db: Session, *, who: str, what: str, details: dict[str, Any], now: datetime) -> None:
    """Add one act.  `who` is a staff id or TERMINAL; the details name nobody but by fingerprint."""
    db.add(Audit(at=now, who=who, what=what, details=details))
    db.flush()
