"""Write a backup file (a manifest and pg_dump's output, in one encrypted stream), and restore it.

    {"format": 1, "version": …, "revision": …, "at": …, "logs": {host: bytes}}
    then pg_dump's custom format

Issues' images are in the database.  The settings, their keys and the privacy log are not in a backup: they
must not be lost, or stolen, together with it.
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
from mailer.privacylog.decisions import NOBODY, Decision
from mailer.privacylog.models import HostPosition

FORMAT = 1
DUMP = (
    "--format=custom", "--no-owner", "--no-privileges",
    f"--exclude-table-data={Restoration.__tablename__}",  # what is restored is disarmed
)  # fmt: skip
RESTORE = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
_LONGEST_MANIFEST = 1 << 20  # bytes
_NOT_OURS = "this file is no backup of mailer's"
Progress = Callable[[int], object]  # is told how many more bytes were read


class NotEmpty(Exception):
    """Say that the database to restore into holds something."""

    def __init__(self) -> None:
        super().__init__(
            "the database is not empty, and was left as it is: create a new one, name it in "
            "MAILER_DATABASE_URL, and restore into that"
        )


class NotABackup(Exception):
    """Say that a file is no backup of ours, or one of a newer version."""


@dataclass(frozen=True)
class Manifest:
    """Describe a backup, at its head."""

    version: str
    revision: str
    at: str
    logs: dict[str, int]
    format: int = FORMAT


def size() -> int:
    """Return about how many bytes there are to back up."""
    with engine().connect() as connection:
        return int(connection.scalar(select(func.pg_database_size(func.current_database()))) or 0)


def create(
    folder: Path, recipients: tuple[str, ...], *, now: datetime, progress: Progress
) -> tuple[Path, Manifest]:
    """Write a backup into this folder, whole or not at all.

    Raises BadKey, ToolFailed, LogUnwritable, OSError.
    """
    encryption.check(recipients)
    with transaction() as db:  # every backup then knows this host's log, and a restore misses it
        decisions.write(db, Decision.BACKUP, NOBODY, subject=uuid4())
    path = folder / f"mailer-{now:%Y%m%dT%H%M%SZ}.age"
    partial = path.with_suffix(".partial")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with private_file.opened(partial, "xb") as file:
            manifest = _dump(file, recipients, now, progress)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    return path, manifest


def _dump(file: IO[bytes], recipients: tuple[str, ...], now: datetime, progress: Progress) -> Manifest:
    """Write the manifest and the dump, both of one snapshot; return the manifest."""
    with Session(engine()) as db:
        db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        snapshot = str(db.scalar(select(func.pg_export_snapshot())))
        manifest = _manifest(db, now)
        command, environment = postgres.command("pg_dump", *DUMP, f"--snapshot={snapshot}")
        with tempfile.TemporaryFile() as errors, subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as dump:  # fmt: skip
            head = f"{json.dumps(asdict(manifest))}\n".encode()
            encryption.encrypt(_JoinedSource(head, _pipe(dump.stdout), progress), file, recipients)
            _check_exit(dump, errors)
    return manifest


def _manifest(db: Session, now: datetime) -> Manifest:
    logs = {row.host: row.size for row in db.scalars(select(HostPosition))}
    revision = migrate.current(db.connection()) or ""
    return Manifest(version("mailer"), revision, now.isoformat(timespec="seconds"), logs)


class _JoinedSource:
    """Read some bytes, then a file, and report the progress."""

    def __init__(self, head: bytes, rest: IO[bytes], progress: Progress) -> None:
        self._head, self._rest, self._progress = head, rest, progress

    def read(self, size: int = -1, /) -> bytes:
        head, self._head = self._head, b""
        data = head or self._rest.read(size)
        self._progress(len(data))
        return data


def restore(path: Path, key_file: Path, *, now: datetime, progress: Progress) -> Manifest:
    """Fill an empty database from a backup, and bring it to this version's schema; it is then disarmed.

    Raises NotEmpty, NotABackup, BadKey, WrongKey, ToolFailed, OSError: the database is then still empty.
    """
    if not postgres.is_empty():
        raise NotEmpty
    with path.open("rb") as file, tempfile.TemporaryFile() as errors:
        sink = _RestoreSink(errors)
        try:
            encryption.decrypt(_JoinedSource(b"", file, progress), sink, key_file)
            manifest = sink.end()
        finally:
            sink.close()
    migrate.upgrade(engine())
    _disarm(manifest, now)
    return manifest


class _RestoreSink:
    """Read the manifest of a decrypted backup, and pass the rest on to pg_restore.

    pg_restore works in one transaction, which commits only once the whole stream was authenticated.
    """

    def __init__(self, errors: IO[bytes]) -> None:
        self._errors, self._head = errors, b""
        self._manifest: Manifest | None = None
        self._restore: subprocess.Popen[bytes] | None = None

    def write(self, data: bytes, /) -> int:
        rest = data
        if self._manifest is None:
            self._head += data
            head, newline, rest = self._head.partition(b"\n")
            if not newline:
                if len(head) > _LONGEST_MANIFEST:
                    raise NotABackup(_NOT_OURS)
                return len(data)
            self._manifest = _parse_manifest(head)
            self._restore = self._start()
        self._feed(rest)
        return len(data)

    def flush(self) -> None:
        pass

    def end(self) -> Manifest:
        """Wait for the commit and return the manifest, once all has come.  Raises NotABackup, ToolFailed."""
        if self._manifest is None or self._restore is None:
            raise NotABackup(_NOT_OURS)
        _pipe(self._restore.stdin).close()
        _check_exit(self._restore, self._errors)
        return self._manifest

    def close(self) -> None:
        """Stop pg_restore, if it has not ended: what it did is then rolled back."""
        if self._restore:
            self._restore.kill()
            with suppress(OSError):
                _pipe(self._restore.stdin).close()
            self._restore.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        command, environment = postgres.command("pg_restore", *RESTORE)
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._errors
        )

    def _feed(self, data: bytes) -> None:
        if self._restore is None:
            raise NotABackup(_NOT_OURS)
        try:
            _pipe(self._restore.stdin).write(data)
        except BrokenPipeError:
            _check_exit(self._restore, self._errors)
            raise


def _parse_manifest(head: bytes) -> Manifest:
    """Read the manifest.  Raises NotABackup, also for one of a newer version."""
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


def _check_exit(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    """Raise ToolFailed with the program's last line, if it failed."""
    if process.wait() != 0:
        errors.seek(0)
        lines = errors.read().decode("utf-8", "replace").strip().splitlines()
        raise ToolFailed(lines[-1] if lines else "PostgreSQL's tool failed, and did not say why")


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("not piped")
    return stream


def _disarm(manifest: Manifest, now: datetime) -> None:
    """Record from where the logs are to be replayed: until then, a restored database is disarmed."""
    with transaction() as db:
        hosts = db.scalars(select(HostPosition)).all()
        positions = {row.host: [row.size, row.seal] for row in hosts}
        at = datetime.fromisoformat(manifest.at)
        restore_lock.note_restore(db, backed_up_at=at, positions=positions, now=now)
