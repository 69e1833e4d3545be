"""Record which processes are alive."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from mailer.core import clock
from mailer.core.db import Base


class Heartbeat(Base):
    """Say since when a process is alive.  Times are the database's own: hosts' clocks differ."""

    __tablename__ = "heartbeat"

    worker: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]  # sender (holds rows), a queue (its Celery worker), beat, or work of all: alarms …
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    suspected_at: Mapped[datetime | None]  # silent when the sweep last looked
    skew: Mapped[float]  # seconds by which its host's clock is ahead of the database's


_BEAT = text("""
INSERT INTO heartbeat (worker, kind, started_at, seen_at, skew)
VALUES (:worker, :kind, now(), now(), :host - extract(epoch FROM clock_timestamp()))
ON CONFLICT (worker) DO UPDATE SET seen_at = now(), suspected_at = NULL, skew = excluded.skew
""")


def beat(db: Session, worker: UUID, kind: str) -> None:
    """Record that this process is alive, and how its host's clock differs from the database's."""
    db.execute(_BEAT, {"worker": worker, "kind": kind, "host": clock.host()})


def skew(db: Session, *, more_than: float, seen_within: timedelta) -> dict[str, float]:
    """Return, by kind of process, by how many seconds a host's clock differs, where that is too much."""
    apart = func.max(func.abs(Heartbeat.skew))
    lines = select(Heartbeat.kind, apart).where(Heartbeat.seen_at > func.now() - seen_within)
    far = db.execute(lines.group_by(Heartbeat.kind).having(apart > more_than))
    return {row[0]: row[1] for row in far}


_TURN = text("""
INSERT INTO heartbeat (worker, kind, started_at, seen_at, skew) VALUES (:worker, :kind, now(), now(), 0)
ON CONFLICT (worker) DO UPDATE SET seen_at = now() WHERE heartbeat.seen_at <= now() - :every
RETURNING worker
""")


def take_turn(db: Session, work: UUID, kind: str, *, every: timedelta = timedelta(0)) -> bool:
    """Return whether this work of all processes is due, and note that it is done now, by the caller."""
    return db.execute(_TURN, {"worker": work, "kind": kind, "every": every}).one_or_none() is not None


def seen(db: Session, kind: str, *, within: timedelta) -> bool:
    """Return whether something of this kind has given a sign of life lately."""
    alive = Heartbeat.kind == kind, Heartbeat.seen_at > func.now() - within
    return db.scalar(select(Heartbeat.worker).where(*alive).limit(1)) is not None


def silence(db: Session, kind: str) -> timedelta | None:
    """Return how long ago something of this kind last gave a sign of life; None: it never has."""
    return _ago(db, kind, func.max(Heartbeat.seen_at))


def age(db: Session, kind: str) -> timedelta | None:
    """Return how long ago something of this kind gave its first sign of life; None: it never has."""
    return _ago(db, kind, func.min(Heartbeat.started_at))


def _ago(db: Session, kind: str, at: ColumnElement[datetime]) -> timedelta | None:
    now, then = db.execute(select(func.now(), at).where(Heartbeat.kind == kind)).one()
    return now - then if then else None


def suspect(db: Session, *, silent: timedelta) -> None:
    """Record which processes have been silent for so long."""
    quiet = Heartbeat.suspected_at.is_(None), Heartbeat.seen_at < func.now() - silent
    db.execute(update(Heartbeat).where(*quiet).values(suspected_at=func.now()))


def forget_processes(db: Session) -> None:
    """Delete the heartbeats of processes silent for a day."""
    db.execute(delete(Heartbeat).where(Heartbeat.seen_at < func.now() - text("interval '1 day'")))
