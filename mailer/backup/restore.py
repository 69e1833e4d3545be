"""Restore a backup file into an empty database, which is then disarmed until the privacy log is replayed."""

import subprocess
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from sqlalchemy import select

from mailer.backup import encryption, migrate, postgres
from mailer.backup.archive import (
    LONGEST_MANIFEST,
    NOT_OURS,
    JoinedSource,
    Manifest,
    NotABackup,
    Progress,
    check_exit,
    parse_manifest,
    pipe,
)
from mailer.core import restore_lock
from mailer.core.db import engine, transaction
from mailer.privacylog.models import HostPosition

RESTORE = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")


class NotEmpty(Exception):
    """Say that the database to restore into holds something."""

    def __init__(self) -> None:
        super().__init__(
            "the database is not empty, and was left as it is: create a new one, name it in "
            "MAILER_DATABASE_URL, and restore into that"
        )


def restore(path: Path, key_file: Path, *, now: datetime, progress: Progress) -> Manifest:
    """Fill an empty database from a backup, and bring it to this version's schema; it is then disarmed.

    Raises NotEmpty, NotABackup, BadKey, WrongKey, ToolFailed, OSError: the database is then still empty.
    """
    if not postgres.is_empty():
        raise NotEmpty
    with path.open("rb") as file, tempfile.TemporaryFile() as errors:
        sink = _RestoreSink(errors)
        try:
            encryption.decrypt(JoinedSource(b"", file, progress), sink, key_file)
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
                if len(head) > LONGEST_MANIFEST:
                    raise NotABackup(NOT_OURS)
                return len(data)
            self._manifest = parse_manifest(head)
            self._restore = self._start()
        self._feed(rest)
        return len(data)

    def flush(self) -> None:
        pass

    def end(self) -> Manifest:
        """Wait for the commit and return the manifest, once all has come.  Raises NotABackup, ToolFailed."""
        if self._manifest is None or self._restore is None:
            raise NotABackup(NOT_OURS)
        pipe(self._restore.stdin).close()
        check_exit(self._restore, self._errors)
        return self._manifest

    def close(self) -> None:
        """Stop pg_restore, if it has not ended: what it did is then rolled back."""
        if self._restore:
            self._restore.kill()
            with suppress(OSError):
                pipe(self._restore.stdin).close()
            self._restore.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        command, environment = postgres.command("pg_restore", *RESTORE)
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._errors
        )

    def _feed(self, data: bytes) -> None:
        if self._restore is None:
            raise NotABackup(NOT_OURS)
        try:
            pipe(self._restore.stdin).write(data)
        except BrokenPipeError:
            check_exit(self._restore, self._errors)
            raise


def _disarm(manifest: Manifest, now: datetime) -> None:
    """Record from where the logs are to be replayed: until then, a restored database is disarmed."""
    with transaction() as db:
        hosts = db.scalars(select(HostPosition)).all()
        positions = {row.host: [row.size, row.seal] for row in hosts}
        at = datetime.fromisoformat(manifest.at)
        restore_lock.note_restore(db, backed_up_at=at, positions=positions, now=now)
