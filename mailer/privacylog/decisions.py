"""Write and read the privacy log: what people decided, kept outside the database: no restore undoes it.

It is one append-only file a host, in DATA_DIR, and names people by fingerprint alone.  A line is on disk
*before* the transaction it is about commits: a decision that cannot be written is refused.  A line whose
transaction then failed still says what somebody wanted.  Each line carries a mac (its seal) over itself and
the seal before it, under the fingerprint key, so that none can be changed, moved or taken out unseen:

    <time> <decision> <fingerprint> <subject or -> <detail or -> <seal>

A pruned file begins with how many bytes were taken out; positions and seals go on from there:

    pruned <bytes> <seal of this line> <seal of the last line taken out>
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from sqlalchemy import delete, event, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.core import appendonly
from mailer.core.db import utcnow
from mailer.core.settings import settings
from mailer.privacylog.models import HostPosition, LogGap

FOLDER = "privacylog"
_PENDING = "privacylog"  # in a session's info: the entries its commit has to write first
COMMITTING = "privacylog_ends"  # in a session's info: how far each host's file goes with its commit
_NONE = "-"
_PRUNED = "pruned"
_REPLAYING = "replaying"  # in a session's info: what it does is in the log already


class Decision(StrEnum):
    """Name what a person decided.  In brackets: the subject and the detail that go with it."""

    WITHDRAWAL = "withdrawal"  # [newsletter, channel]
    CONSENT = "consent"  # [newsletter]: undoes earlier withdrawals from it, and earlier suppressions
    SUPPRESSION = "suppression"  # [reason]
    LIFTED = "lifted"  # a suppression taken back
    OBJECTION = "objection"
    RESTRICTION = "restriction"
    RESTRICTION_LIFTED = "restriction-lifted"
    PAUSE = "pause"  # [until, as ISO 8601 has it]: no issue before
    PAUSE_ENDED = "pause-ended"
    RECTIFICATION = "rectification"  # [the new address's fingerprint, in hexadecimal]
    ERASURE = "erasure"  # [NEVER_AGAIN, if they asked for it]
    CASE = "case"  # [case, right]: a request was received
    FREEZE = "freeze"  # [issue]: nobody's decision, as all below; the audience of an issue was frozen
    RESEND = "resend"  # [issue]: staff had its unknown deliveries sent again
    CLOSE = "close"  # [issue]: all of its deliveries are final
    BACKUP = "backup"  # [a fresh id]: written so that every backup knows of a log
    STAFF_PASSWORD = "staff-password"  # [account]: the password was changed  # noqa: S105 -- a word
    STAFF_DISABLED = "staff-disabled"  # [account]
    STAFF_ENABLED = "staff-enabled"  # [account]


NEVER_AGAIN = "never-again"
NOBODY = bytes(32)  # instead of a fingerprint


class LogUnwritable(Exception):
    """Say in which folder the log cannot be written (the disk may be full); nothing was changed."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"the privacy log in {folder} cannot be written ({error.strerror}): nothing was changed; "
            "free some space, or correct MAILER_DATA_DIR"
        )


class LogNotAsKnown(LogUnwritable):
    """Say that the log here is not the one that the database knows; nothing was changed."""

    def __init__(self, path: Path, known: int) -> None:
        Exception.__init__(
            self,
            f"{path} is not the privacy log that the database knows, up to byte {known}; nothing was "
            "changed. MAILER_DATA_DIR names another folder, or lines were taken out of the log, or the "
            "database is a copy of before",
        )


class LogDamaged(Exception):
    """Say which line was changed, moved or torn, or was not written with this installation's key."""

    def __init__(self, path: Path, line: int) -> None:
        self.path, self.line = path, line
        super().__init__(
            f"{path}, line {line}: this line of the privacy log was altered, or not written with this "
            "MAILER_FINGERPRINT_KEY; put an intact copy of the file in its place"
        )


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Hold one decision, as it is written."""

    decision: Decision
    fingerprint: bytes
    subject: UUID | None = None  # a newsletter, or a case
    detail: str | None = None  # one word


@dataclass(frozen=True, slots=True)
class LogLine:
    """Hold one entry, as it is read."""

    at: datetime  # when it was written
    entry: LogEntry


@dataclass(frozen=True, slots=True)
class Position:
    """Tell how far a file goes: its bytes, and the seal of its last line."""

    size: int
    seal: str


def write(
    db: Session,
    decision: Decision,
    fingerprint: bytes,
    *,
    subject: UUID | None = None,
    detail: str | None = None,
) -> None:
    """Have this decision on disk before the transaction commits, which raises LogUnwritable otherwise."""
    write_all(db, [LogEntry(decision, fingerprint, subject, detail)])


def write_all(db: Session, entries: Iterable[LogEntry]) -> None:
    """Write many entries, with one wait for the disk."""
    if not db.info.get(_REPLAYING):
        db.info.setdefault(_PENDING, []).extend(entries)


def begin_replay(db: Session) -> None:
    """Write nothing more for this session: what it does comes from the log."""
    db.info[_REPLAYING] = True


def read(path: Path) -> Iterator[tuple[LogLine, Position]]:
    """Yield every line of a file, and where it ends.  Raises LogDamaged.

    A last line without a line feed was never wholly written, and is left out.
    """
    start, head = _beginning(path)
    size, seal = start.size, start.seal
    with path.open("rb") as file:
        file.seek(head)
        for number, raw in enumerate(file, 2 if head else 1):
            if not raw.endswith(b"\n"):
                return
            text, _, written = raw[:-1].decode("ascii", "replace").rpartition(" ")
            seal = _seal(seal, text)
            if not hmac.compare_digest(written.encode(), seal.encode()):
                raise LogDamaged(path, number)
            size += len(raw)
            yield _parsed(text), Position(size, seal)


def beginning(path: Path) -> Position:
    """Return the position before its first line: zero, or what was pruned.  Raises LogDamaged."""
    return _beginning(path)[0]


def prune(path: Path, since: datetime) -> int:
    """Take out the lines before the first one written since then; return how many.

    Nobody may write there meanwhile: the caller has every row of HostPosition locked.

    Raises LogDamaged, LogUnwritable: nothing is then changed.
    """
    start, head = _beginning(path)
    cut, count = _before(path, since)
    if count:
        kept = path.read_bytes()[head + cut.size - start.size :]
        try:
            appendonly.replace(path, f"{_heading(path, cut)}\n".encode("ascii") + kept)
        except OSError as error:
            raise LogUnwritable(path.parent, error) from error
    return count


def prunable(path: Path, since: datetime) -> int:
    """Return how many lines `prune` would take out.  Raises LogDamaged."""
    return _before(path, since)[1]


def _before(path: Path, since: datetime) -> tuple[Position, int]:
    """Return where the last line before that time ends, and how many lines those are."""
    cut, count = beginning(path), 0
    for line, end in read(path):
        if line.at >= since:
            break
        cut, count = end, count + 1
    return cut, count


def folder() -> Path:
    """Return where the files are."""
    return settings().data_dir / FOLDER


def trouble() -> str | None:
    """Return why no line could be written here; None when one could."""
    try:
        appendonly.probe(folder())
    except OSError as error:
        return f"{folder()}: {error.strerror}"
    return None


def beyond(path: Path, known: Position) -> list[tuple[LogLine, Position]] | None:
    """Return the lines after a position that the database knows; None when the file never had it.

    Raises LogDamaged.
    """
    start = _beginning(path)[0] if path.exists() else Position(0, _initial_seal(path))
    after: list[tuple[LogLine, Position]] | None = [] if _same(path, known, start) else None
    for line, end in read(path) if path.exists() else ():
        if after is not None:
            after.append((line, end))
        elif end == known:
            after = []
    return after


def at_end(path: Path, known: Position) -> bool:
    """Return whether a file ends where the database says.  Raises LogDamaged."""
    if not path.exists():
        return known == Position(0, "")
    start, head = _beginning(path)
    size, last = appendonly.end(path)
    seal = last.rpartition(b" ")[2].decode("ascii", "replace") or start.seal
    return _same(path, known, Position(start.size + size - head, seal))


def one_crash(lines: Sequence[tuple[LogLine, Position]]) -> bool:
    """Return whether these are the lines of one transaction: they were written at one time."""
    return len({line.at for line, _ in lines}) == 1


def lock_position(db: Session) -> Position:
    """Have nobody write in this host's file until the transaction ends; return how far it goes."""
    host = appendonly.host()
    row = insert(HostPosition).values(host=host, size=0, seal="")
    locked = row.on_conflict_do_update(index_elements=["host"], set_={"host": host})
    return Position(*db.execute(locked.returning(HostPosition.size, HostPosition.seal)).one())


def last_written() -> datetime | None:
    """Return when the last line of this host was written; None if there is none."""
    lines = appendonly.tail(own_path())
    word = lines[-1].split(b" ")[0].decode("ascii", "replace") if lines else _PRUNED
    return None if word == _PRUNED else datetime.fromisoformat(word)


def own_host() -> str:
    """Return this machine, as its file is named."""
    return appendonly.host()


def own_path() -> Path:
    """Return where this host's file is."""
    return folder() / f"{appendonly.host()}{appendonly.SUFFIX}"


def note_gap(db: Session, known: Position, until: Position) -> None:
    """Note that the lines between are those of a transaction that did not commit: to be made good."""
    db.add(LogGap(host=appendonly.host(), size=known.size, seal=known.seal, until=until.size))
    db.flush()


def gaps(db: Session) -> Sequence[LogGap]:
    """Return the lines of this host that are to be made good, locked, the oldest first."""
    mine = select(LogGap).where(LogGap.host == appendonly.host()).order_by(LogGap.size)
    return db.scalars(mine.with_for_update(skip_locked=True)).all()


def close_gap(db: Session, gap: LogGap) -> None:
    """Note that its lines were made good."""
    db.delete(gap)


def _same(path: Path, known: Position, here: Position) -> bool:
    """Return whether both are one place; a database that knows nothing yet is at the beginning."""
    return here == (known if known.size or known.seal else Position(0, _initial_seal(path)))


def set_position(db: Session, host: str, end: Position) -> None:
    """Record how far a host's file goes, as a replay has read it."""
    row = {"host": host, "size": end.size, "seal": end.seal}
    statement = insert(HostPosition).values(row)
    db.execute(statement.on_conflict_do_update(index_elements=["host"], set_=row))


def forget_position(db: Session, host: str) -> None:
    """Have a host's file begin anew: a person has said that the one of before is lost for good."""
    db.execute(delete(HostPosition).where(HostPosition.host == host))
    db.execute(delete(LogGap).where(LogGap.host == host))


@event.listens_for(Session, "before_commit")
def _write_pending(db: Session) -> None:
    """Write the entries, and record in the same transaction how far the file goes: a dump has both, or none.

    The row is locked first, so that a host's lines and its commits are in the same order.
    """
    if db.in_nested_transaction():
        return
    entries: list[LogEntry] = db.info.pop(_PENDING, [])
    if not entries:
        return
    known = lock_position(db)

    def compose(_: int, last: bytes) -> Iterable[str]:
        _follow(db, known)
        return _sealed(last, entries, utcnow())

    try:
        size, last = appendonly.append(folder(), compose)
    except OSError as error:
        raise LogUnwritable(folder(), error) from error
    start, head = _beginning(own_path())
    values = {"size": start.size + size - head, "seal": last.rpartition(" ")[2]}
    db.execute(update(HostPosition).where(HostPosition.host == appendonly.host()).values(**values))
    ends = select(HostPosition.host, HostPosition.size)
    db.info[COMMITTING] = {row.host: row.size for row in db.execute(ends)}


def _follow(db: Session, known: Position) -> None:
    """Have the file end where the database knows, or one crash's lines beyond, which are to be made good.

    Whoever says no is never refused for those.  Raises LogNotAsKnown.
    """
    path = own_path()
    if at_end(path, known):
        return
    lines = beyond(path, known)
    if not lines or not one_crash(lines):
        raise LogNotAsKnown(path, known.size)
    note_gap(db, known, lines[-1][1])


@event.listens_for(Session, "after_rollback")
def _drop_pending(db: Session) -> None:
    if not db.in_nested_transaction():
        db.info.pop(_PENDING, None)
        db.info.pop(COMMITTING, None)


def _sealed(last: bytes, entries: Sequence[LogEntry], now: datetime) -> Iterator[str]:
    seal = last.rpartition(b" ")[2].decode("ascii", "replace") if last else _initial_seal(own_path())
    for entry in entries:
        text = (f"{now.isoformat()} {entry.decision} {entry.fingerprint.hex()} {entry.subject or _NONE} "
                f"{entry.detail or _NONE}")  # fmt: skip
        seal = _seal(seal, text)
        yield f"{text} {seal}"


def _parsed(text: str) -> LogLine:
    at, decision, fingerprint, subject, detail = text.split(" ")
    entry = LogEntry(
        Decision(decision),
        bytes.fromhex(fingerprint),
        None if subject == _NONE else UUID(subject),
        None if detail == _NONE else detail,
    )
    return LogLine(datetime.fromisoformat(at), entry)


def _initial_seal(path: Path) -> str:
    """Return what the first line is sealed with: the file's name, so that a renamed file is refused."""
    return path.name


def _beginning(path: Path) -> tuple[Position, int]:
    """Return the position before its first line, and the length of its heading.  Raises LogDamaged."""
    with path.open("rb") as file:
        head = file.readline()
    text = head.decode("ascii", "replace").rstrip("\n")
    if not text.startswith(f"{_PRUNED} "):
        return Position(0, _initial_seal(path)), 0
    words = text.split(" ")
    if len(words) == 4 and words[1].isdecimal():
        start = Position(int(words[1]), words[3])
        if hmac.compare_digest(text.encode(), _heading(path, start).encode()):
            return start, len(head)
    raise LogDamaged(path, 1)


def _heading(path: Path, start: Position) -> str:
    seal = _seal(_initial_seal(path), f"{_PRUNED} {start.size} {start.seal}")
    return f"{_PRUNED} {start.size} {seal} {start.seal}"


def _seal(previous: str, text: str) -> str:
    return hmac.digest(_key(settings().fingerprint_key.get_secret_value()), f"{previous} {text}".encode(),
                       hashlib.sha256).hex()  # fmt: skip


@lru_cache(maxsize=1)
def _key(secret: str) -> bytes:
    """Derive the log's key.  Its label is the log's first name: another would break every seal on disk."""
    return hmac.digest(secret.encode(), b"mailer.journal-of-wills", hashlib.sha256)
