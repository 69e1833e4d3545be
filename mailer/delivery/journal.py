"""The crash journal: what a worker has begun and been told, in a local file that survives its kill -9.

One file a worker, named by its id and locked for its life: only a free lock proves the worker dead.  A line
is one unbuffered write, so the kernel has it even if the process dies in the next instant; it is not synced,
hence worth nothing after the machine itself went down (the header names the boot).

    mailer-journal 1 <worker> <boot>
    <issue> <position> <fence> unknown <outcome…>    right before the first body byte
    <issue> <position> <fence> <state> <outcome…>    at the reply, before anything else

Fields are parted by tabs; an instant is in seconds since 1970.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from mailer.delivery.ledger import Outcome
from mailer.smtp.replies import DeliveryState

_SUFFIX = ".journal"
_MAGIC = "mailer-journal 1"


class JournalUnwritable(Exception):
    """The journal cannot be written (disk full, perhaps): nothing may begin.  The message says where."""


class Journal:
    """Write the journal of one living worker."""

    def __init__(self, folder: Path, worker: UUID) -> None:
        """Open and lock a new file.  Raises JournalUnwritable."""
        self.path = folder / f"{worker}{_SUFFIX}"
        self._header = f"{_MAGIC} {worker} {boot_id()}\n".encode()
        self._torn = False
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._open(self.path.with_suffix(".new"))
        except OSError as error:
            raise self._unwritable(error) from error

    def _open(self, new: Path) -> None:
        """Nobody finds the file before it is locked and says whose it is; one that cannot say so goes."""
        self._file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(self._header)
            new.rename(self.path)
        except BaseException:
            new.unlink(missing_ok=True)
            self.close()
            raise

    def write(self, outcome: Outcome) -> None:
        """Write what has become of a row; UNKNOWN right before its body.  Raises JournalUnwritable.

        A row whose line could not be written must not begin.
        """
        done = outcome
        line = (
            f"{done.issue_id.hex}\t{done.position}\t{done.fence}\t{done.state.value}\t{done.due_at.timestamp()!r}\t"
            f"{done.attempts}\t{done.faults}\t{done.code or 0}\t{done.enhanced or ''}\t{done.reply or ''}\n"
        )
        self._write(line.encode())

    def clear(self) -> None:
        """Forget everything: the ledger has recorded all of it."""
        os.ftruncate(self._file, len(self._header))

    def close(self) -> None:
        """Close the file; what is written stays, for whoever recovers it."""
        with suppress(OSError):
            os.close(self._file)

    def remove(self) -> None:
        """Leave nothing behind: all of it is recorded."""
        self.path.unlink(missing_ok=True)
        self.close()

    def _write(self, line: bytes) -> None:
        """Whole, or never again: a line cut short can only be the last."""
        try:
            whole = not self._torn and os.write(self._file, line) == len(line)
        except OSError as error:
            self._torn = True
            raise self._unwritable(error) from error
        if not whole:
            self._torn = True
            raise self._unwritable(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _unwritable(self, error: OSError) -> JournalUnwritable:
        return JournalUnwritable(f"the journal in {self.path.parent} cannot be written: {error.strerror}")


@dataclass
class AbandonedJournal:
    """Say what a dead worker left: its last word on each row it had begun or been told about."""

    worker: UUID
    same_boot: bool  # else its last lines may be missing
    last: dict[tuple[UUID, int], Outcome] = field(default_factory=dict)  # by issue and position


@contextmanager
def abandoned(path: Path) -> Iterator[AbandonedJournal | None]:
    """Yield what this file holds, held for us alone; None while its worker lives, or another recovers it.

    None too once another has: between our look at the folder and our lock, the file may have gone.  It is
    removed when the block ends well.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, BlockingIOError):
            yield None
            return
        if os.fstat(file.fileno()).st_nlink == 0:
            yield None
            return
        yield _read(path, file.read())
        path.unlink(missing_ok=True)


def files(folder: Path) -> list[Path]:
    """Return the journals of this host."""
    return sorted(folder.glob(f"*{_SUFFIX}"))


def _read(path: Path, content: bytes) -> AbandonedJournal:
    """Read a journal's lines; what follows the last line end was never wholly written: it never happened."""
    head, *lines = content.decode("utf-8", "replace").split("\n")[:-1] or [""]
    abandoned = AbandonedJournal(UUID(path.name.removesuffix(_SUFFIX)), head.endswith(f" {boot_id()}"))
    for line in lines:
        issue, position, fence, state, due_at, attempts, faults, code, enhanced, reply = line.split("\t")
        abandoned.last[UUID(issue), int(position)] = Outcome(
            UUID(issue), int(position), int(fence), DeliveryState(state),
            datetime.fromtimestamp(float(due_at), UTC), int(attempts), int(faults), int(code) or None,
            enhanced, reply,
        )  # fmt: skip
    return abandoned


@cache
def boot_id() -> str:
    """Return a name for this run of the machine; where the kernel gives none, the hour it started."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"since-{int(time.time() - time.monotonic()) // 3600}"
