"""The heads of the consent chain, written outside the database: one append-only file a host.

A line holds a sequence number, the mac of that event, a time, and a seal over the three.  Fingerprints only.
It is written after the commit it speaks of, and is on disk before the write returns.
"""

import hashlib
import hmac
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

FOLDER = "anchors"


@dataclass(frozen=True, slots=True)
class Anchor:
    """This event was the head of the chain, at that time."""

    seq: int
    mac: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Damaged:
    """A line that is not one of ours, or not whole."""

    file: Path
    line: int


def write(data_dir: Path, key: bytes, anchor: Anchor) -> None:
    """Append one line to this host's file, and wait for the disk.  Raises OSError."""
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = f"{anchor.seq} {anchor.mac.hex()} {anchor.at.isoformat()}"
    line = f"{text} {_seal(key, text)}\n".encode()
    descriptor = os.open(folder / f"{_host()}.journal", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line if _ends_well(descriptor) else b"\n" + line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(data_dir: Path, key: bytes) -> Iterator[Anchor | Damaged]:
    """Every line of every host's file, one at a time."""
    for path in sorted((data_dir / FOLDER).glob("*.journal")):
        with path.open(encoding="ascii", errors="replace") as file:
            for number, line in enumerate(file, 1):
                yield _parsed(line, key) or Damaged(path, number)


def _parsed(line: str, key: bytes) -> Anchor | None:
    text, _, seal = line.rstrip("\n").rpartition(" ")
    if not hmac.compare_digest(seal.encode(), _seal(key, text).encode()):
        return None
    seq, mac, at = text.split(" ")
    return Anchor(int(seq), bytes.fromhex(mac), datetime.fromisoformat(at))


def _seal(key: bytes, text: str) -> str:
    return hmac.digest(key, b"anchor " + text.encode(), hashlib.sha256).hex()


def _ends_well(descriptor: int) -> bool:
    """Whether the last line is whole: a power cut may have torn it."""
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname()) or "host"
