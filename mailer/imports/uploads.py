"""Files sent from the desk: kept in pieces in the database until their import is over.

In the database, because the worker that reads them may be another machine.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mailer.core.db import transaction
from mailer.imports.models import ImportFile

PIECE = 1 << 20  # bytes


@dataclass(frozen=True)
class Given:
    """Hold a file as a form holds it, read as often as needed."""

    name: str
    stream: BinaryIO

    def open(self) -> BinaryIO:
        self.stream.seek(0)
        return io.BufferedReader(_Through(self.stream), PIECE)  # type: ignore[type-var]


class _Through(io.RawIOBase):
    """Hold the same stream, which its reader's end does not close."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        piece = self._stream.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


@dataclass(frozen=True)
class Stored:
    """Hold a file in the database."""

    name: str
    import_id: UUID

    def open(self) -> BinaryIO:
        return io.BufferedReader(_Pieces(self.import_id), PIECE)  # type: ignore[type-var]


class _Pieces(io.RawIOBase):
    def __init__(self, import_id: UUID) -> None:
        self._pieces = _pieces(import_id)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def _pieces(import_id: UUID) -> Iterator[bytes]:
    number = 0
    while True:
        with transaction() as db:
            piece = db.get(ImportFile, (import_id, number))
            body = piece.body if piece else b""
        if not body:
            return
        yield body
        number += 1


def store(db: Session, import_id: UUID, given: Given) -> Stored:
    """Keep a file for the worker."""
    number = 0
    with given.open() as stream:
        while body := stream.read(PIECE):
            db.add(ImportFile(import_id=import_id, number=number, body=body))
            db.flush()
            db.expunge_all()
            number += 1
    return Stored(given.name, import_id)


def held(db: Session, import_id: UUID) -> bool:
    """Return whether the file is there."""
    return db.scalar(select(ImportFile.number).where(ImportFile.import_id == import_id).limit(1)) is not None


def discard(db: Session, import_id: UUID) -> None:
    """Forget the file."""
    db.execute(delete(ImportFile).where(ImportFile.import_id == import_id))
