"""Hold the imports: how far each file is, and what became of its rows."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from mailer.core.db import Base, enum


class ImportState(StrEnum):
    MAPPING = "mapping"  # waiting for a person to say what its columns hold
    CHECKING = "checking"  # a dry run, to be done or under way
    CHECKED = "checked"  # waiting for a person to say go
    RUNNING = "running"  # also after a kill: it goes on where it was
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"
    FAILED = "failed"


class Import(Base):
    """Hold one file taken over into one newsletter, and how far it is: committed with each of its chunks."""

    __tablename__ = "subscriber_import"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    newsletter_id: Mapped[UUID] = mapped_column(ForeignKey("newsletter.id"), index=True)
    state: Mapped[ImportState] = mapped_column(enum(ImportState))
    by: Mapped[str]  # a staff id, or terminal
    file_name: Mapped[str]
    file_fingerprint: Mapped[bytes]  # keyed: the hash of a file of one row would tell whose it is
    records: Mapped[int]
    preset: Mapped[str]
    columns: Mapped[dict[str, Any]]  # {"roles": [[header, role or null], …]}
    source: Mapped[str]
    legal_text: Mapped[str | None]
    consented_at: Mapped[datetime | None]
    locale: Mapped[str]
    done: Mapped[int] = mapped_column(default=0)  # records dealt with: done = new + known + refused
    new: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    reasons: Mapped[dict[str, Any]] = mapped_column(default=dict)  # refused, by reason
    undone: Mapped[int] = mapped_column(default=0)
    seconds: Mapped[float] = mapped_column(default=0.0)
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    moved_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now()
    )  # when anything of it last changed
    finished_at: Mapped[datetime | None]


class ImportReport(Base):
    """Say what became of each row of a chunk: lines of `number outcome`."""

    __tablename__ = "import_report"

    import_id: Mapped[UUID] = mapped_column(
        ForeignKey("subscriber_import.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lines: Mapped[str]


class ImportFile(Base):
    """Hold a file sent from the desk, in pieces, until its import is over."""

    __tablename__ = "import_file"

    import_id: Mapped[UUID] = mapped_column(
        ForeignKey("subscriber_import.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[bytes]
