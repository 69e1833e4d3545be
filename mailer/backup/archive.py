"""A backup file: a manifest and what pg_dump says, in one encrypted stream; and the way back.

    {"format": 1, "version": …, "revision": …, "at": …, "journals": {host: bytes}}
    then pg_dump's custom format

The images of the issues are in the database.  The settings and their keys are not in a backup, nor are the
journals of wills: they must not be lost, or stolen, together with it.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO
from uuid import uuid4

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from mailer.backup import encryption, migrate, postgres
from mailer.backup.postgres import ToolFailed
from mailer.core import private_file, restore_lock
from mailer.core.db import engine, transaction
from mailer.core.restore_lock import Restoration
from mailer.privacylog import decisions
from mailer.privacylog.decisions import NOBODY, Will
from mailer.privacylog.models import JournalPosition

FORMAT = 1
DUMP = (
    "--format=custom", "--no-owner", "--no-privileges",
    f"--exclude-table-data={Restoration.__tablename__}",  # what is restored is disarmed
)  # fmt: skip
RESTORE = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
_LONGEST = 1 << 20  # bytes of a manifest
_NOT_OURS = "this file is no backup of mailer's"
Told = Callable[[int], object]  # of so many more bytes


class NotEmpty(Exception):
    """The database to restore into holds something."""

    def __init__(self) -> None:
        super().__init__(
            "the database is not empty, and was left as it is: create a new one, name it in "
            "MAILER_DATABASE_URL, and restore into that"
        )


class NotABackup(Exception):
    """This file is no backup of ours, or of a newer version; the message says which."""


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself."""

    version: str
    revision: str
    at: str
    journals: dict[str, int]
    format: int = FORMAT


def size() -> int:
    """About how many bytes there are to back up."""
    with engine().connect() as connection:
        return int(connection.scalar(select(func.pg_database_size(func.current_database()))) or 0)


def create(folder: Path, recipients: tuple[str, ...], *, now: datetime, told: Told) -> tuple[Path, Manifest]:
    """Write a backup into this folder, whole or not at all.

    Raises BadKey, ToolFailed, Unwritable, OSError.
    """
    encryption.check(recipients)
    with transaction() as db:  # its line is in every backup: a journal that is missing later is missed
        decisions.write(db, Will.BACKUP, NOBODY, subject=uuid4())
    path = folder / f"mailer-{now:%Y%m%dT%H%M%SZ}.age"
    partial = path.with_suffix(".partial")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with private_file.opened(partial, "xb") as file:
            manifest = _dump(file, recipients, now, told)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    return path, manifest


def _dump(file: IO[bytes], recipients: tuple[str, ...], now: datetime, told: Told) -> Manifest:
    """Write the manifest and the dump, which are of one snapshot; return the manifest."""
    with Session(engine()) as db:
        db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        snapshot = str(db.scalar(select(func.pg_export_snapshot())))
        manifest = _manifest(db, now)
        words, environment = postgres.command("pg_dump", *DUMP, f"--snapshot={snapshot}")
        with tempfile.TemporaryFile() as said, subprocess.Popen(
            words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        ) as dump:  # fmt: skip
            head = f"{json.dumps(asdict(manifest))}\n".encode()
            encryption.encrypt(_Joined(head, _piped(dump.stdout), told), file, recipients)
            _ended(dump, said)
    return manifest


def _manifest(db: Session, now: datetime) -> Manifest:
    journals = {row.host: row.size for row in db.scalars(select(JournalPosition))}
    revision = migrate.current(db.connection()) or ""
    return Manifest(version("mailer"), revision, now.isoformat(timespec="seconds"), journals)


class _Joined:
    """Two sources, one after the other."""

    def __init__(self, head: bytes, rest: IO[bytes], told: Told) -> None:
        self._head, self._rest, self._told = head, rest, told

    def read(self, size: int = -1, /) -> bytes:
        head, self._head = self._head, b""
        data = head or self._rest.read(size)
        self._told(len(data))
        return data


def restore(path: Path, key_file: Path, *, now: datetime, told: Told) -> Manifest:
    """Fill an empty database from a backup, and bring it to this version's schema; it is then disarmed.

    Raises NotEmpty, NotABackup, BadKey, WrongKey, ToolFailed, OSError: the database is then still empty.
    """
    if not postgres.is_empty():
        raise NotEmpty
    with path.open("rb") as file, tempfile.TemporaryFile() as said:
        into = _Into(said)
        try:
            encryption.decrypt(_Joined(b"", file, told), into, key_file)
            manifest = into.end()
        finally:
            into.close()
    migrate.upgrade(engine())
    _disarm(manifest, now)
    return manifest


class _Into:
    """Takes a decrypted backup: reads its manifest, and hands the rest to pg_restore.

    All of it is one transaction, which commits when the last table has come, authenticated, and not before.
    """

    def __init__(self, said: IO[bytes]) -> None:
        self._said, self._head = said, b""
        self._manifest: Manifest | None = None
        self._restore: subprocess.Popen[bytes] | None = None

    def write(self, data: bytes, /) -> int:
        rest = data
        if self._manifest is None:
            self._head += data
            head, found, rest = self._head.partition(b"\n")
            if not found:
                if len(head) > _LONGEST:
                    raise NotABackup(_NOT_OURS)
                return len(data)
            self._manifest = _understood(head)
            self._restore = self._begun()
        self._feed(rest)
        return len(data)

    def flush(self) -> None:
        pass

    def end(self) -> Manifest:
        """Return everything has come: wait for the commit.  Raises NotABackup, ToolFailed."""
        if self._manifest is None or self._restore is None:
            raise NotABackup(_NOT_OURS)
        _piped(self._restore.stdin).close()
        _ended(self._restore, self._said)
        return self._manifest

    def close(self) -> None:
        """Stop it, if it has not ended: what it did is then undone."""
        if self._restore:
            self._restore.kill()
            with suppress(OSError):
                _piped(self._restore.stdin).close()
            self._restore.wait()

    def _begun(self) -> subprocess.Popen[bytes]:
        words, environment = postgres.command("pg_restore", *RESTORE)
        return subprocess.Popen(
            words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._said
        )

    def _feed(self, data: bytes) -> None:
        if self._restore is None:
            raise NotABackup(_NOT_OURS)
        try:
            _piped(self._restore.stdin).write(data)
        except BrokenPipeError:
            _ended(self._restore, self._said)
            raise


def _understood(head: bytes) -> Manifest:
    """Read the manifest.  Raises NotABackup."""
    try:
        manifest = Manifest(**json.loads(head))
    except (ValueError, TypeError):
        raise NotABackup(_NOT_OURS) from None
    if manifest.format != FORMAT or not migrate.knows(manifest.revision):
        raise NotABackup(
            f"this backup was made by mailer {manifest.version}, which is newer than this one: restore it "
            "with that version"
        )
    return manifest


def _ended(process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    """Raise ToolFailed with the last line the program said, unless it did its work."""
    if process.wait() != 0:
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").strip().splitlines()
        raise ToolFailed(lines[-1] if lines else "PostgreSQL's tool failed, and did not say why")


def _piped(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("not piped")
    return stream


def _disarm(manifest: Manifest, now: datetime) -> None:
    """Note from where the logs are to be replayed; a restored database is disarmed as it is."""
    with transaction() as db:
        kept = db.scalars(select(JournalPosition)).all()
        positions = {each.host: [each.size, each.seal] for each in kept}
        at = datetime.fromisoformat(manifest.at)
        restore_lock.note_restore(db, backed_up_at=at, positions=positions, now=now)
