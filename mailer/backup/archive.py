"""Write a backup file: a manifest and pg_dump's output, in one encrypted stream.

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
from mailer.core import private_file
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
LONGEST_MANIFEST = 1 << 20  # bytes
NOT_OURS = "this file is no backup of mailer's"
Progress = Callable[[int], object]  # is told how many more bytes were read


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
            encryption.encrypt(JoinedSource(head, pipe(dump.stdout), progress), file, recipients)
            check_exit(dump, errors)
    return manifest


def _manifest(db: Session, now: datetime) -> Manifest:
    logs = {row.host: row.size for row in db.scalars(select(HostPosition))}
    revision = migrate.current(db.connection()) or ""
    return Manifest(version("mailer"), revision, now.isoformat(timespec="seconds"), logs)


class JoinedSource:
    """Read some bytes, then a file, and report the progress."""

    def __init__(self, head: bytes, rest: IO[bytes], progress: Progress) -> None:
        self._head, self._rest, self._progress = head, rest, progress

    def read(self, size: int = -1, /) -> bytes:
        head, self._head = self._head, b""
        data = head or self._rest.read(size)
        self._progress(len(data))
        return data


def parse_manifest(head: bytes) -> Manifest:
    """Read the manifest.  Raises NotABackup, also for one of a newer version."""
    try:
        manifest = Manifest(**json.loads(head))
    except (ValueError, TypeError):
        raise NotABackup(NOT_OURS) from None
    if manifest.format != FORMAT or not migrate.knows(manifest.revision):
        raise NotABackup(
            f"this backup was made by mailer {manifest.version}, which is newer than this one: restore it "
            "with that version"
        )
    return manifest


def check_exit(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    """Raise ToolFailed with the program's last line, if it failed."""
    if process.wait() != 0:
        errors.seek(0)
        lines = errors.read().decode("utf-8", "replace").strip().splitlines()
        raise ToolFailed(lines[-1] if lines else "PostgreSQL's tool failed, and did not say why")


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """Return a child's stream, which was asked to be a pipe."""
    if stream is None:
        raise ValueError("not piped")
    return stream
