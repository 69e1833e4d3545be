"""Record which processes are alive."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    delete,
    func,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from mailer.core.db import Base


class Heartbeat(Base):
    """Say since when a process is alive.  Times are the database's own: hosts' clocks differ."""

    __tablename__ = "heartbeat"

    worker: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]  # sender (holds rows), letters or notices (a Celery worker), beat
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    suspected_at: Mapped[datetime | None]  # silent when the sweep last looked


_BEAT = text("""
INSERT INTO heartbeat (worker, kind, started_at, seen_at) VALUES (:worker, :kind, now(), now())
ON CONFLICT (worker) DO UPDATE SET seen_at = now(), suspected_at = NULL
""")


def beat(db: Session, worker: UUID, kind: str) -> None:
    """Record that this process is alive."""
    db.execute(_BEAT, {"worker": worker, "kind": kind})


def suspect(db: Session, *, silent: timedelta) -> None:
    """Record which processes have been silent for so long."""
    quiet = Heartbeat.suspected_at.is_(None), Heartbeat.seen_at < func.now() - silent
    db.execute(update(Heartbeat).where(*quiet).values(suspected_at=func.now()))


def forget_processes(db: Session) -> None:
    """Delete the heartbeats of processes silent for a day."""
    db.execute(delete(Heartbeat).where(Heartbeat.seen_at < func.now() - text("interval '1 day'")))
