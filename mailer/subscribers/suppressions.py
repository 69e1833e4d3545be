"""Keep the addresses that are never written to, by their keyed fingerprint alone; tell why one is not.

Every import and every claim of a delivery respects them.  Only the person lifts their own, by a fresh double
opt-in; staff may take back what staff or a relay put there.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import IO, NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.core.address import InvalidAddress, normalise
from mailer.core.db import changed
from mailer.core.export_file import Table
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import settings
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


class PersonalSuppression(Exception):
    """Say that a suppression is the person's own decision: only they lift it, by signing up."""

    def __init__(self, reason: SuppressionReason) -> None:
        self.reason = reason


class SuppressedAddress(NamedTuple):
    """Hold one address, why it is suppressed, and since when."""

    fingerprint: bytes
    reason: SuppressionReason
    at: datetime


class UnreadableLine(ValueError):
    """Say which line of a list is neither a fingerprint nor an address."""

    def __init__(self, line: int) -> None:
        self.line = line


def add(db: Session, addresses: Iterable[SuppressedAddress]) -> int:
    """Suppress these; return how many were not yet.  The first reason stays."""
    added = 0
    iterator = iter(addresses)
    while chunk := list(islice(iterator, CHUNK)):
        rows = [address._asdict() for address in chunk]
        statement = insert(Suppression).on_conflict_do_nothing().returning(Suppression.fingerprint)
        new = set(db.scalars(statement, rows))
        first = {address.fingerprint: address.reason for address in reversed(chunk)}
        decisions.write_all(
            db,
            (LogEntry(Decision.SUPPRESSION, fingerprint, detail=first[fingerprint]) for fingerprint in new),
        )
        added += len(new)
    return added


def add_or_strengthen(db: Session, address: SuppressedAddress) -> bool:
    """Suppress, replacing a weaker reason; return False when the reason already there stays.

    The person's own decision outweighs what staff may take back, and an objection outweighs all.
    """
    weaker = [reason for reason, weight in _WEIGHT.items() if weight < _WEIGHT[address.reason]]
    replaced = Suppression.fingerprint == address.fingerprint, Suppression.reason.in_(weaker)
    stronger = update(Suppression).where(*replaced).values(reason=address.reason, at=address.at)
    return bool(add(db, [address]) or changed(db, stronger))


def find(db: Session, fingerprint: bytes) -> Suppression | None:
    """Return why this address is never written to; None where it may be.

    What is sent asks `recipient` (migrations/functions/recipient.sql), which reads the same table.
    """
    return db.get(Suppression, fingerprint)


def lift_own(db: Session, fingerprint: bytes) -> None:
    """Lift a suppression of any kind: its person has just consented anew."""
    db.execute(delete(Suppression).where(Suppression.fingerprint == fingerprint))


def remove(db: Session, fingerprint: bytes) -> bool:
    """Lift a suppression; return False if there was none.  Raises PersonalSuppression."""
    suppression = db.get(Suppression, fingerprint, with_for_update=True)
    if suppression is None:
        return False
    if suppression.reason in PERSONAL:
        raise PersonalSuppression(suppression.reason)
    lift_own(db, fingerprint)
    decisions.write(db, Decision.LIFTED, fingerprint)
    return True


def addresses(db: Session) -> Iterator[SuppressedAddress]:
    """Yield all of them, by fingerprint, one page in memory at a time."""
    columns = select(Suppression.fingerprint, Suppression.reason, Suppression.at)
    for row in db.execute(columns.order_by(Suppression.fingerprint).execution_options(yield_per=CHUNK)):
        yield SuppressedAddress(*row)


def table(db: Session) -> Table:
    """Return them as fingerprints, for a file that `read` reads."""
    return Table(COLUMNS, ((each.fingerprint.hex(), each.reason.value, each.at) for each in addresses(db)))


def read(file: IO[str], reason: SuppressionReason, *, now: datetime) -> Iterator[SuppressedAddress]:
    """Yield the lines of a list that was exported, or of plain addresses, which are hashed and kept nowhere.

    `reason` is for lines that give none.  Raises UnreadableLine.
    """
    head = file.readline()
    reader = csv.reader(chain([head], file), delimiter=";" if ";" in head and "," not in head else ",")
    for cells in reader:
        if cells and cells[0].strip() and cells[0].strip().lower() not in {"fingerprint", "email"}:
            try:
                yield _parsed([cell.strip() for cell in cells], reason, now)
            except ValueError:
                raise UnreadableLine(reader.line_num) from None


def _parsed(cells: Sequence[str], reason: SuppressionReason, now: datetime) -> SuppressedAddress:
    _, stated_reason, at = (*cells, "", "")[:3]
    instant = datetime.fromisoformat(at) if at else now
    return SuppressedAddress(
        fingerprint_from(cells[0]),
        SuppressionReason(stated_reason) if stated_reason else reason,
        instant if instant.tzinfo else instant.replace(tzinfo=settings().zone),
    )


def fingerprint_from(text: str) -> bytes:
    """Return the fingerprint that a fingerprint in hexadecimal, or an address, stands for.

    Raises ValueError.
    """
    if "@" not in text:
        fingerprint = bytes.fromhex(text)
        if len(fingerprint) != _SIZE:
            raise ValueError(text)
        return fingerprint
    try:
        return fingerprint_of(normalise(text))
    except InvalidAddress:
        raise ValueError(text) from None
