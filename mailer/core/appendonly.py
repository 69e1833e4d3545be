"""Append lines to files outside the database, one a host: they are on disk before the write returns."""

import errno
import fcntl
import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SUFFIX = ".journal"
_TAIL = 4096  # bytes that hold several lines
_FREE_SPACE = 1 << 20  # bytes that `probe` asks for


def append(folder: Path, compose: Callable[[int, bytes], Iterable[str]]) -> tuple[int, str]:
    """Append lines to this host's file, under its lock; return its size and last line once both are on disk.

    `compose` is given where the last line ends, and that line, empty at first.  What follows the last line
    feed was never wholly written, and is cut off.  Raises OSError: nothing is then appended.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _opened(folder / f"{host()}{SUFFIX}") as file:
        end, last = _end(file)
        lines = list(compose(end, last))
        text = "".join(f"{line}\n" for line in lines).encode("ascii")
        try:
            os.ftruncate(file, end)
            _write(file, text)
        except OSError:
            with suppress(OSError):
                os.ftruncate(file, end)
            raise
    if end == 0:
        _sync_folder(folder)
    return end + len(text), lines[-1]


def replace(path: Path, content: bytes) -> None:
    """Replace a file's content, on disk before the old one goes.  Nobody may append meanwhile.

    Raises OSError: the old content is then still there.
    """
    new = path.with_suffix(".new")
    with _opened(new) as file:
        os.ftruncate(file, 0)
        _write(file, content)
    new.replace(path)
    _sync_folder(path.parent)


def end(path: Path) -> tuple[int, bytes]:
    """Return where the last whole line of a file ends, and that line; nothing of a file that is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return 0, b""
    try:
        return _end(descriptor)
    finally:
        os.close(descriptor)


def tail(path: Path) -> list[bytes]:
    """Return the last whole lines of a file, as many as some thousand bytes hold."""
    try:
        with path.open("rb") as file:
            start = max(os.fstat(file.fileno()).st_size - _TAIL, 0)
            file.seek(start)
            lines = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    return lines[1:] if start else lines


def probe(folder: Path) -> None:
    """Raise OSError if a line could not be appended."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _opened(folder / f"{host()}{SUFFIX}") as file:
        disk = os.fstatvfs(file)
    if disk.f_bavail * disk.f_frsize < _FREE_SPACE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def files(folder: Path) -> list[Path]:
    """Return every host's file."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def host() -> str:
    """Return this machine, as a file name."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname()) or "host"


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _end(file: int) -> tuple[int, bytes]:
    """Return where the last whole line ends, and that line."""
    size = os.fstat(file).st_size
    for reach in (min(_TAIL, size), size):
        tail = os.pread(file, reach, size - reach)
        whole = tail.rfind(b"\n") + 1
        if whole:
            return size - reach + whole, tail[: whole - 1].rpartition(b"\n")[2]
    return 0, b""


def _write(file: int, text: bytes) -> None:
    if os.write(file, text) != len(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file)


def _sync_folder(folder: Path) -> None:
    """Wait until the disk has the name of a new file too."""
    for path in (folder, folder.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
