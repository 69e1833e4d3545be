"""Tell whether this database may be used: a restored one is disarmed until the privacy log was replayed.

So is one that contradicts what is known outside it: a person has to look.

While it is disarmed, no page about people is served, and nothing is frozen, claimed or sent.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    exists,
    func,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from mailer.core.db import Base


class Restoration(Base):
    """Say since when this database may be served and sent from, and what a replay did before.

    No backup holds a row of this table, so a restored database is disarmed until a person arms it.
    """

    __tablename__ = "restore_lock"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    at: Mapped[datetime]
    backed_up_at: Mapped[datetime | None]  # None: not restored, made new
    positions: Mapped[dict[str, Any]]  # of each host's privacy log, in the backup: {host: [size, seal]}
    replayed_at: Mapped[datetime | None]
    report: Mapped[dict[str, Any] | None]
    armed_at: Mapped[datetime | None]
    reason: Mapped[str | None]  # why a database that nobody restored by our commands was disarmed
    without: Mapped[str | None]  # machines whose privacy log was lost for good, as a person said
    loss_noted_at: Mapped[datetime | None]  # when somebody took note of that


def note_restore(db: Session, *, backed_up_at: datetime, positions: dict[str, Any], now: datetime) -> None:
    """Keep from when the backup is, and how far each host's privacy log went in it."""
    db.add(Restoration(at=now, backed_up_at=backed_up_at, positions=positions))


def disarm(
    db: Session, reason: str, *, positions: dict[str, Any], older: bool = False, now: datetime
) -> bool:
    """Let nothing leave, and no page about people be served, until a person has looked.

    `older`: the database is one of before.  Return False where it is disarmed already, or where a person has
    armed it in spite of the same reason.
    """
    known = db.scalar(select(exists().where(Restoration.reason == reason)))
    if known or disarmed(db):
        return False
    backed_up_at = now if older else None
    db.add(Restoration(at=now, backed_up_at=backed_up_at, positions=positions, reason=reason))
    db.flush()
    return True


def reason(db: Session) -> str | None:
    """Return why it was disarmed, where no restore by our commands did."""
    return db.scalar(select(Restoration.reason).where(Restoration.armed_at.is_(None)).limit(1))


def note_replay(
    restoration: Restoration, report: dict[str, Any], *, without: Sequence[str] = (), now: datetime
) -> None:
    """Keep that the privacy logs were replayed, but for those of some machines, and what that did."""
    restoration.replayed_at, restoration.report = now, report
    restoration.without = ", ".join(without) or None


def losses(db: Session) -> Sequence[Restoration]:
    """Return the restorations without some machine's log, of which nobody has taken note."""
    unnoted = Restoration.without.is_not(None), Restoration.loss_noted_at.is_(None)
    return db.scalars(select(Restoration).where(*unnoted).order_by(Restoration.at)).all()


def note_loss(db: Session, restoration_id: UUID, *, now: datetime) -> None:
    """Keep when somebody took note that a log was lost for good."""
    db.get_one(Restoration, restoration_id).loss_noted_at = now


def arm(restoration: Restoration, *, now: datetime) -> None:
    """Let the service be used from this commit on."""
    restoration.armed_at = now


def disarmed(db: Session) -> bool:
    """Return whether what people asked for since the backup may still be missing."""
    return not db.scalar(select(func.bool_and(Restoration.armed_at.is_not(None))))
