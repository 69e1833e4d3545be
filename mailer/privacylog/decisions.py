"""The journal of wills: what people asked for, kept outside the database, so that no restore undoes it.

One append-only file a host, in DATA_DIR; fingerprints only.  A line is on disk *before* the transaction it
speaks of commits: a will that cannot be written is refused.  A line whose transaction then failed still says
what somebody wanted.  Each line is sealed under the fingerprint key together with the seal before it, so that
none can be changed, moved or taken out unseen:

    <time> <will> <fingerprint> <subject or -> <detail or -> <seal>

A file that was pruned begins with how far it had gone, and goes on from there, positions and seals alike:

    pruned <bytes> <seal of these> <seal of the last line that went>
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

from sqlalchemy import event, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.core import appendonly
from mailer.core.db import utcnow
from mailer.core.settings import settings
from mailer.privacylog.models import JournalPosition

FOLDER = "wills"
_PENDING = "wills"  # in a session's info: the lines its commit has to write first
_NONE = "-"
_PRUNED = "pruned"
_REPLAYING = "replaying"  # in a session's info: what is done is in the journal already


class Will(StrEnum):
    """What a line says of a person.  In brackets, what else it names."""

    WITHDRAWAL = "withdrawal"  # [newsletter, channel]
    CONSENT = "consent"  # [newsletter]: undoes the withdrawals of it and the suppressions before
    SUPPRESSION = "suppression"  # [reason]
    LIFTED = "lifted"  # a suppression taken back
    OBJECTION = "objection"
    RESTRICTION = "restriction"
    RESTRICTION_LIFTED = "restriction-lifted"
    RECTIFICATION = "rectification"  # [the new address's fingerprint, in hexadecimal]
    ERASURE = "erasure"  # [NEVER_AGAIN, if they asked for it]
    CASE = "case"  # [case, right]: a request was received
    BACKUP = "backup"  # [a fresh id]: nobody's will; every backup knows of a journal


NEVER_AGAIN = "never-again"
NOBODY = bytes(32)  # instead of a fingerprint


class Unwritable(Exception):
    """The journal of wills cannot be written (disk full, perhaps), and nothing was changed: says where."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"the journal of wills in {folder} cannot be written ({error.strerror}): nothing was changed; "
            "free some space, or correct MAILER_DATA_DIR"
        )


class Damaged(Exception):
    """A line that was changed, moved, torn, or not written with this installation's key."""

    def __init__(self, path: Path, line: int) -> None:
        self.path, self.line = path, line
        super().__init__(
            f"{path}, line {line}: this line of the journal of wills was altered, or not written with this "
            "MAILER_FINGERPRINT_KEY; put an intact copy of the file in its place"
        )


@dataclass(frozen=True, slots=True)
class Said:
    """One will, as it is written."""

    will: Will
    fingerprint: bytes
    subject: UUID | None = None  # a newsletter, or a case
    detail: str | None = None  # one word


@dataclass(frozen=True, slots=True)
class Line:
    """One will, as it is read."""

    at: datetime  # when it was written
    said: Said


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file went: its bytes, and the seal of its last line."""

    size: int
    seal: str


def write(
    db: Session,
    will: Will,
    fingerprint: bytes,
    *,
    subject: UUID | None = None,
    detail: str | None = None,
) -> None:
    """Have this will on disk before the transaction commits; the commit raises Unwritable otherwise."""
    write_all(db, [Said(will, fingerprint, subject, detail)])


def write_all(db: Session, wills: Iterable[Said]) -> None:
    """Write many lines, with one wait for the disk."""
    if not db.info.get(_REPLAYING):
        db.info.setdefault(_PENDING, []).extend(wills)


def replaying(db: Session) -> None:
    """From here on, what this session does is in the journal already."""
    db.info[_REPLAYING] = True


def read(path: Path) -> Iterator[tuple[Line, Position]]:
    """Yield every line of a file, and where it ends.  A line without an end was never wholly written.

    Raises Damaged.
    """
    begins, head = _beginning(path)
    size, seal = begins.size, begins.seal
    with path.open("rb") as file:
        file.seek(head)
        for number, raw in enumerate(file, 2 if head else 1):
            if not raw.endswith(b"\n"):
                return
            text, _, found = raw[:-1].decode("ascii", "replace").rpartition(" ")
            seal = _seal(seal, text)
            if not hmac.compare_digest(found.encode(), seal.encode()):
                raise Damaged(path, number)
            size += len(raw)
            yield _parsed(text), Position(size, seal)


def beginning(path: Path) -> Position:
    """Return how far a file had gone where its first line begins.  Raises Damaged."""
    return _beginning(path)[0]


def prune(path: Path, since: datetime) -> int:
    """Take out the lines before the first that was written since then; how many.

    Nobody may write there meanwhile: the caller holds every row of JournalPosition.

    Raises Damaged, Unwritable: nothing is then changed.
    """
    begins, head = _beginning(path)
    cut, gone = _before(path, since)
    if gone:
        kept = path.read_bytes()[head + cut.size - begins.size :]
        try:
            appendonly.replace(path, f"{_heading(path, cut)}\n".encode("ascii") + kept)
        except OSError as error:
            raise Unwritable(path.parent, error) from error
    return gone


def prunable(path: Path, since: datetime) -> int:
    """Return how many lines it would take out.  Raises Damaged."""
    return _before(path, since)[1]


def _before(path: Path, since: datetime) -> tuple[Position, int]:
    """Return where the last line before that time ends, and how many there are."""
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
    """Why no line could be written here, None when one could."""
    try:
        appendonly.probe(folder())
    except OSError as error:
        return f"{folder()}: {error.strerror}"
    return None


def set_position(db: Session, host: str, end: Position) -> None:
    """Keep how far a host's journal goes, as a replay has read it."""
    row = {"host": host, "size": end.size, "seal": end.seal}
    statement = insert(JournalPosition).values(row)
    db.execute(statement.on_conflict_do_update(index_elements=["host"], set_=row))


@event.listens_for(Session, "before_commit")
def _settle(db: Session) -> None:
    """Write, and note in the same transaction how far the file now goes: a dump holds both, or neither.

    The row is locked first, so that a host's lines and its commits have one order.
    """
    wills: list[Said] = db.info.pop(_PENDING, [])
    if not wills:
        return
    mine = {"host": appendonly.host()}
    row = insert(JournalPosition).values(**mine, size=0, seal="")
    db.execute(row.on_conflict_do_update(index_elements=["host"], set_=mine))
    try:
        size, last = appendonly.append(folder(), lambda last: _sealed(last, wills, utcnow()))
    except OSError as error:
        raise Unwritable(folder(), error) from error
    begins, head = _beginning(folder() / f"{mine['host']}{appendonly.SUFFIX}")
    values = {"size": begins.size + size - head, "seal": last.rpartition(" ")[2]}
    db.execute(update(JournalPosition).where(JournalPosition.host == mine["host"]).values(**values))


@event.listens_for(Session, "after_rollback")
def _forget(db: Session) -> None:
    db.info.pop(_PENDING, None)


def _sealed(last: bytes, wills: Sequence[Said], now: datetime) -> Iterator[str]:
    own = folder() / f"{appendonly.host()}{appendonly.SUFFIX}"
    seal = last.rpartition(b" ")[2].decode("ascii", "replace") if last else _first(own)
    for said in wills:
        text = (f"{now.isoformat()} {said.will} {said.fingerprint.hex()} {said.subject or _NONE} "
                f"{said.detail or _NONE}")  # fmt: skip
        seal = _seal(seal, text)
        yield f"{text} {seal}"


def _parsed(text: str) -> Line:
    at, will, mark, subject, detail = text.split(" ")
    said = Said(
        Will(will),
        bytes.fromhex(mark),
        None if subject == _NONE else UUID(subject),
        None if detail == _NONE else detail,
    )
    return Line(datetime.fromisoformat(at), said)


def _first(path: Path) -> str:
    """Return what stands before a file's first line: a file put under another host's name is damaged."""
    return path.name


def _beginning(path: Path) -> tuple[Position, int]:
    """Return where its lines begin, and the bytes of what says so.  Raises Damaged."""
    with path.open("rb") as file:
        head = file.readline()
    text = head.decode("ascii", "replace").rstrip("\n")
    if not text.startswith(f"{_PRUNED} "):
        return Position(0, _first(path)), 0
    words = text.split(" ")
    if len(words) == 4 and words[1].isdecimal():
        begins = Position(int(words[1]), words[3])
        if hmac.compare_digest(text.encode(), _heading(path, begins).encode()):
            return begins, len(head)
    raise Damaged(path, 1)


def _heading(path: Path, begins: Position) -> str:
    seal = _seal(_first(path), f"{_PRUNED} {begins.size} {begins.seal}")
    return f"{_PRUNED} {begins.size} {seal} {begins.seal}"


def _seal(previous: str, text: str) -> str:
    return hmac.digest(_key(settings().fingerprint_key.get_secret_value()), f"{previous} {text}".encode(),
                       hashlib.sha256).hex()  # fmt: skip


@lru_cache(maxsize=1)
def _key(secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"mailer.journal-of-wills", hashlib.sha256)
