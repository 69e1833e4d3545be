"""Compare suppressions and restrictions with what the privacy log says that people decided."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core import appendonly
from mailer.privacylog import decisions
from mailer.privacylog.decisions import NEVER_AGAIN, Decision, LogEntry
from mailer.privacylog.models import HostPosition
from mailer.subscribers.models import Subscriber, Suppression

CLOCKS = timedelta(minutes=5)  # by which two machines' may differ: a yes that may be the later one counts
CHUNK = 5_000  # fingerprints asked for at once
_NO_MORE = {Decision.SUPPRESSION, Decision.OBJECTION}
_AGAIN = {Decision.LIFTED, Decision.CONSENT}


class _Said(NamedTuple):
    yes: bool  # they may be written to, or their data used
    at: datetime


_ByHost = defaultdict[bytes, dict[str, _Said]]  # the last word in each host's log, by fingerprint


@dataclass
class Standing:
    """Hold the fingerprints whose last word in the logs is a no."""

    suppressed: set[bytes]
    restricted: set[bytes]


@dataclass
class _Read:
    suppressed: _ByHost = field(default_factory=lambda: defaultdict(dict))
    restricted: _ByHost = field(default_factory=lambda: defaultdict(dict))

    def add(self, host: str, at: datetime, entry: LogEntry) -> None:
        who, what = entry.fingerprint, entry.decision
        if what in _NO_MORE or (what is Decision.ERASURE and entry.detail == NEVER_AGAIN):
            self.suppressed[who][host] = _Said(False, at)
        elif what in _AGAIN:
            self.suppressed[who][host] = _Said(True, at)
        if what is Decision.RESTRICTION:
            self.restricted[who][host] = _Said(False, at)
        elif what in {Decision.RESTRICTION_LIFTED, Decision.ERASURE, Decision.RECTIFICATION}:
            self.restricted[who][host] = _Said(True, at)


def standing(db: Session) -> Standing:
    """Read every log that is here, as far as the database knows it; what still stands.  Raises LogDamaged."""
    ends = {row.host: row.size for row in db.scalars(select(HostPosition))}
    read = _Read()
    for host, at, entry in _lines(ends):
        read.add(host, at, entry)
    return Standing(_standing(read.suppressed), _standing(read.restricted))


def _lines(ends: dict[str, int]) -> Iterator[tuple[str, datetime, LogEntry]]:
    """Yield the lines whose transactions are over: a line is written before its commit."""
    for path in appendonly.files(decisions.folder()):
        host = path.name.removesuffix(appendonly.SUFFIX)
        for line, end in decisions.read(path):
            if end.size <= ends.get(host, 0):
                yield host, line.at, line.entry


def _standing(said: _ByHost) -> set[bytes]:
    return {who for who, by_host in said.items() if _is_no(by_host)}


def _is_no(by_host: dict[str, _Said]) -> bool:
    noes = [each.at for each in by_host.values() if not each.yes]
    yeses = [each.at for each in by_host.values() if each.yes]
    return bool(noes) and not any(at >= max(noes) - CLOCKS for at in yeses)


def missing_suppressions(db: Session, standing: Standing) -> set[bytes]:
    """Return the fingerprints that are to be suppressed, and are not."""
    found: set[bytes] = set()
    for chunk in _chunks(standing.suppressed):
        here = select(Suppression.fingerprint).where(Suppression.fingerprint.in_(chunk))
        found |= chunk - set(db.scalars(here))
    return found


def missing_restrictions(db: Session, standing: Standing) -> set[bytes]:
    """Return the fingerprints of people whose data are to be restricted, and are not."""
    found: set[bytes] = set()
    for chunk in _chunks(standing.restricted):
        free = Subscriber.fingerprint.in_(chunk), Subscriber.restricted_at.is_(None)
        found |= set(db.scalars(select(Subscriber.fingerprint).where(*free)))
    return found


def _chunks(fingerprints: set[bytes]) -> Iterator[set[bytes]]:
    ordered = sorted(fingerprints)
    for start in range(0, len(ordered), CHUNK):
        yield set(ordered[start : start + CHUNK])
