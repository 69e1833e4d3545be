"""Addresses never to be written to, known by their keyed fingerprint alone.

Enforced at every import and at the gate of every send.  Only the person lifts it, by a fresh double opt-in;
staff may take back what staff or a relay put there.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import IO, NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.core import fingerprint
from mailer.core.address import InvalidAddress, normalise
from mailer.core.db import changed
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision, LogEntry
from mailer.subscribers.models import Suppression, SuppressionReason

PERSONAL = frozenset(SuppressionReason) - {SuppressionReason.MANUAL, SuppressionReason.HARD_BOUNCE}
_WEIGHT = {
    SuppressionReason.MANUAL: 0, SuppressionReason.HARD_BOUNCE: 0, SuppressionReason.UNSUBSCRIBED_ALL: 1,
    SuppressionReason.COMPLAINT: 2, SuppressionReason.ERASED: 2, SuppressionReason.OBJECTED: 3,
}  # fmt: skip
COLUMNS = ("fingerprint", "reason", "at")
CHUNK = 5_000  # rows
_SIZE = 32  # bytes of a fingerprint


class OnlyThePerson(Exception):
    """Say that a suppression is the person's own decision: only they lift it, by signing up."""

    def __init__(self, reason: SuppressionReason) -> None:
        self.reason = reason


class Entry(NamedTuple):
    """One suppressed address."""

    fingerprint: bytes
    reason: SuppressionReason
    at: datetime


class Unreadable(ValueError):
    """A line of a list that is neither a fingerprint nor an address."""

    def __init__(self, line: int) -> None:
        self.line = line


def add(db: Session, entries: Iterable[Entry]) -> int:
    """Suppress these; how many were not yet.  The first reason stays."""
    added = 0
    iterator = iter(entries)
    while some := list(islice(iterator, CHUNK)):
        rows = [entry._asdict() for entry in some]
        statement = insert(Suppression).on_conflict_do_nothing().returning(Suppression.fingerprint)
        new = set(db.scalars(statement, rows))
        first = {entry.fingerprint: entry.reason for entry in reversed(some)}
        decisions.write_all(db, (LogEntry(Decision.SUPPRESSION, mark, detail=first[mark]) for mark in new))
        added += len(new)
    return added


def insist(db: Session, entry: Entry) -> bool:
    """Suppress for a reason that a weaker one gives way to; False when the one that stood stays.

    The person's own word outweighs what staff may take back, and an objection all others.
    """
    weaker = [reason for reason, weight in _WEIGHT.items() if weight < _WEIGHT[entry.reason]]
    yields = Suppression.fingerprint == entry.fingerprint, Suppression.reason.in_(weaker)
    stronger = update(Suppression).where(*yields).values(reason=entry.reason, at=entry.at)
    return bool(add(db, [entry]) or changed(db, stronger))


def remove(db: Session, fingerprint: bytes) -> bool:
    """Take one back; False if there was none.  Raises OnlyThePerson."""
    found = db.get(Suppression, fingerprint, with_for_update=True)
    if found is None:
        return False
    if found.reason in PERSONAL:
        raise OnlyThePerson(found.reason)
    db.execute(delete(Suppression).where(Suppression.fingerprint == fingerprint))
    decisions.write(db, Decision.LIFTED, fingerprint)
    return True


def entries(db: Session) -> Iterator[Entry]:
    """Yield all of them, by fingerprint, one page in memory at a time."""
    columns = select(Suppression.fingerprint, Suppression.reason, Suppression.at)
    for row in db.execute(columns.order_by(Suppression.fingerprint).execution_options(yield_per=CHUNK)):
        yield Entry(*row)


def write(db: Session, file: IO[str]) -> int:
    """Write them as a CSV of fingerprints; how many."""
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    written = 0
    for entry in entries(db):
        writer.writerow((entry.fingerprint.hex(), entry.reason.value, entry.at.isoformat()))
        written += 1
    return written


def read(file: IO[str], reason: SuppressionReason, *, now: datetime) -> Iterator[Entry]:
    """Yield a list as `write` makes it, or of plain addresses, one a line: they are hashed, and kept nowhere.

    `reason` stands where a line gives none.  Raises Unreadable.
    """
    reader = csv.reader(file)
    for cells in reader:
        if cells and cells[0].strip() and cells[0].strip().lower() not in {"fingerprint", "email"}:
            try:
                yield _entry([cell.strip() for cell in cells], reason, now)
            except ValueError:
                raise Unreadable(reader.line_num) from None


def _entry(cells: Sequence[str], reason: SuppressionReason, now: datetime) -> Entry:
    _, given, at = (*cells, "", "")[:3]
    instant = datetime.fromisoformat(at) if at else now
    return Entry(
        mark_of(cells[0]),
        SuppressionReason(given) if given else reason,
        instant if instant.tzinfo else instant.replace(tzinfo=UTC),
    )


def mark_of(text: str) -> bytes:
    """Return the fingerprint that a fingerprint in hexadecimal, or an address, stands for.

    Raises ValueError.
    """
    if "@" not in text:
        mark = bytes.fromhex(text)
        if len(mark) != _SIZE:
            raise ValueError(text)
        return mark
    try:
        return fingerprint.fingerprint(normalise(text))
    except InvalidAddress:
        raise ValueError(text) from None
