"""Write the heads of the consent chain outside the database, to one append-only file a host.

A line holds a sequence number, the mac of that event, a time, and a mac (its seal) over the three.  It is
written after the commit it is about, and is on disk before the write returns.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mailer.core import appendonly

FOLDER = "anchors"


@dataclass(frozen=True, slots=True)
class Anchor:
    """Say that an event was the head of the chain, at that time."""

    seq: int
    mac: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class DamagedAnchor:
    """Point to a line that is not ours, or not whole."""

    file: Path
    line: int


def write(data_dir: Path, key: bytes, anchor: Anchor) -> None:
    """Append one line to this host's file, and wait for the disk.  Raises OSError."""
    text = f"{anchor.seq} {anchor.mac.hex()} {anchor.at.isoformat()}"
    appendonly.append(data_dir / FOLDER, lambda _last: [f"{text} {_seal(key, text)}"])


def read(
    data_dir: Path, key: bytes, start: Mapping[str, int] | None = None
) -> Iterator[Anchor | DamagedAnchor]:
    """Yield every line of every host's file, one at a time; of those in `start`, what follows that byte."""
    for path in paths(data_dir):
        with path.open("rb") as file:
            file.seek((start or {}).get(_host(path), 0))
            for number, line in enumerate(file, 1):
                yield _parsed(line.decode("ascii", "replace"), key) or DamagedAnchor(path, number)


def sizes(data_dir: Path) -> dict[str, int]:
    """Return how many bytes each host's file has, up to its last whole line."""
    return {_host(path): appendonly.end(path)[0] for path in paths(data_dir)}


def _host(path: Path) -> str:
    return path.name.removesuffix(appendonly.SUFFIX)


def paths(data_dir: Path) -> list[Path]:
    """Return every host's file."""
    return appendonly.files(data_dir / FOLDER)


def path(data_dir: Path, host: str) -> Path:
    """Return where a host's file is."""
    return data_dir / FOLDER / f"{host}{appendonly.SUFFIX}"


def end(data_dir: Path) -> tuple[int, str]:
    """Return how many bytes this host's file has, and the seal of its last line; zero if there is none."""
    size, last = appendonly.end(path(data_dir, appendonly.host()))
    return size, last.rpartition(b" ")[2].decode("ascii", "replace")


def reaches(data_dir: Path, host: str, size: int, seal: str) -> bool:
    """Return whether a host's file has the line of this seal, ending at that byte."""
    try:
        with path(data_dir, host).open("rb") as file:
            file.seek(max(size - len(seal) - 1, 0))
            return file.read(len(seal) + 1) == f"{seal}\n".encode()
    except FileNotFoundError:
        return False


def set_aside(data_dir: Path, now: datetime) -> None:
    """Rename the files so that they are not read: a restore brought an older chain back."""
    for path in appendonly.files(data_dir / FOLDER):
        path.rename(path.with_suffix(f".before-{now:%Y%m%dT%H%M%SZ}"))


def _parsed(line: str, key: bytes) -> Anchor | None:
    text, _, seal = line.rstrip("\n").rpartition(" ")
    if not hmac.compare_digest(seal.encode(), _seal(key, text).encode()):
        return None
    seq, mac, at = text.split(" ")
    return Anchor(int(seq), bytes.fromhex(mac), datetime.fromisoformat(at))


def _seal(key: bytes, text: str) -> str:
    return hmac.digest(key, b"anchor " + text.encode(), hashlib.sha256).hex()
