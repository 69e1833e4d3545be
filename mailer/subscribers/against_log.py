"""Compare suppressions and restrictions with what the privacy log says that people decided."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ARRAY, ColumnElement, LargeBinary, bindparam, exists, func, select
from sqlalchemy.orm import Session

from mailer.core import appendonly
from mailer.privacylog import decisions
from mailer.privacylog.decisions import NEVER_AGAIN, Decision, LogLine
from mailer.privacylog.models import HostPosition
from mailer.subscribers.models import Subscriber, Suppression

CLOCKS = timedelta(minutes=5)  # by which two machines' may differ: a yes that may be the later one counts
CHUNK = 20_000  # fingerprints asked for at once
_NO_MORE = {Decision.SUPPRESSION, Decision.OBJECTION}
_AGAIN = {Decision.LIFTED, Decision.CONSENT}
_FREE = {Decision.RESTRICTION_LIFTED, Decision.ERASURE, Decision.RECTIFICATION}


class _Said(NamedTuple):
    yes: bool  # they may be written to, or their data used
    line: LogLine

    @property
    def at(self) -> datetime:
        return self.line.at


_ByHost = defaultdict[bytes, dict[str, _Said]]  # the last word in each host's log, by fingerprint


@dataclass
class Standing:
    """Hold the fingerprints whose last word in the logs is a no, each with its line."""

    suppressed: dict[bytes, LogLine]
    restricted: dict[bytes, LogLine]


@dataclass
class _Read:
    suppressed: _ByHost = field(default_factory=lambda: defaultdict(dict))
    restricted: _ByHost = field(default_factory=lambda: defaultdict(dict))

    def add(self, host: str, line: LogLine) -> None:
        who, what = line.entry.fingerprint, line.entry.decision
        if what in _NO_MORE or (what is Decision.ERASURE and line.entry.detail == NEVER_AGAIN):
            self.suppressed[who][host] = _Said(False, line)
        elif what in _AGAIN:
            self.suppressed[who][host] = _Said(True, line)
        if what is Decision.RESTRICTION:
            self.restricted[who][host] = _Said(False, line)
        elif what in _FREE:
            self.restricted[who][host] = _Said(True, line)


def standing(db: Session) -> Standing:
    """Read every log that is here, as far as the database knows it; what still stands.  Raises LogDamaged."""
    ends = {row.host: row.size for row in db.scalars(select(HostPosition))}
    read = _Read()
    for host, line in _lines(ends):
        read.add(host, line)
    return Standing(_standing(read.suppressed), _standing(read.restricted))


def _lines(ends: dict[str, int]) -> Iterator[tuple[str, LogLine]]:
    """Yield the lines whose transactions are over: a line is written before its commit."""
    for path in appendonly.files(decisions.folder()):
        host = path.name.removesuffix(appendonly.SUFFIX)
        for line, end in decisions.read(path):
            if end.size <= ends.get(host, 0):
                yield host, line


def _standing(said: _ByHost) -> dict[bytes, LogLine]:
    return {who: line for who, by_host in said.items() if (line := _no(by_host))}


def _no(by_host: dict[str, _Said]) -> LogLine | None:
    """Return the last no, unless a yes came later, or may have."""
    noes = [each.line for each in by_host.values() if not each.yes]
    yeses = [each.at for each in by_host.values() if each.yes]
    last = max(noes, key=lambda line: line.at, default=None)
    return last if last and not any(at >= last.at - CLOCKS for at in yeses) else None


def missing(db: Session) -> tuple[dict[bytes, LogLine], dict[bytes, LogLine]]:
    """Return the lines whose suppression, and those whose restriction, is not in the database.

    Whoever is missed is looked up once more: they may have said yes between the log and the database.
    Raises LogDamaged.
    """
    first = _missing(db)
    if not any(first):
        return first
    second = _missing(db)
    return _both(first[0], second[0]), _both(first[1], second[1])


def _both(before: dict[bytes, LogLine], now: dict[bytes, LogLine]) -> dict[bytes, LogLine]:
    return {who: line for who, line in now.items() if who in before}


def _missing(db: Session) -> tuple[dict[bytes, LogLine], dict[bytes, LogLine]]:
    said = standing(db)
    return _not_suppressed(db, said.suppressed), _free(db, said.restricted)


def _not_suppressed(db: Session, said: dict[bytes, LogLine]) -> dict[bytes, LogLine]:
    mark = _marks()
    gone = select(mark).where(~exists().where(Suppression.fingerprint == mark))
    return {who: said[who] for chunk in _chunks(said) for who in db.scalars(gone, {"marks": chunk})}


def _free(db: Session, said: dict[bytes, LogLine]) -> dict[bytes, LogLine]:
    """Return those whose data are not restricted."""
    mark = _marks()
    free = select(mark).where(
        exists().where(Subscriber.fingerprint == mark, Subscriber.restricted_at.is_(None))
    )
    return {who: said[who] for chunk in _chunks(said) for who in db.scalars(free, {"marks": chunk})}


def _marks() -> ColumnElement[bytes]:
    """Return the fingerprints of the parameter `marks`: one array: many parameters take longer."""
    return func.unnest(bindparam("marks", type_=ARRAY(LargeBinary))).column_valued("mark")


def _chunks(fingerprints: Iterable[bytes]) -> Iterator[list[bytes]]:
    ordered = sorted(fingerprints)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]
