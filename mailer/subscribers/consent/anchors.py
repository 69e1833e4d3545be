"""Write the heads of the consent chain outside the database, to one append-only file a host.

A line says what is known to have committed: the last event, by its number and mac; when; how far each
host's privacy log went, as `host=bytes,...`; and a number that grows while an issue leaves.  Its seal is a
mac over the rest.  It is written after the commit it is about, and is on disk before the write returns.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mailer.core import appendonly

FOLDER = "anchors"
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Anchor:
    """Say what had committed at that time."""

    seq: int  # of the head of the chain; 0: nothing was appended
    mac: bytes
    at: datetime
    logs: Mapping[str, int] = field(default_factory=dict)  # bytes of each host's privacy log
    number: int = 0  # of this host


@dataclass(frozen=True, slots=True)
class DamagedAnchor:
    """Point to a line that is not ours, or not whole."""

    file: Path
    line: int


def write(data_dir: Path, key: bytes, anchor: Anchor) -> None:
    """Append one line to this host's file, and wait for the disk.  Raises OSError."""
    logs = ",".join(f"{host}={size}" for host, size in sorted(anchor.logs.items()))
    text = f"{anchor.seq} {anchor.mac.hex() or _NONE} {anchor.at.isoformat()} {logs or _NONE} {anchor.number}"
    appendonly.append(data_dir / FOLDER, lambda _end, _last: [f"{text} {_seal(key, text)}"])


def last(data_dir: Path, key: bytes, host: str) -> list[Anchor]:
    """Return the last few anchors of a host, the oldest first: commits and their anchors may cross."""
    found = (_parsed(line.decode("ascii", "replace"), key) for line in appendonly.tail(path(data_dir, host)))
    return [anchor for anchor in found if anchor]


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


def reached(data_dir: Path, key: bytes) -> dict[str, int]:
    """Return how many bytes of each host's privacy log are known to have committed, by all anchors here."""
    known: dict[str, int] = {}
    for anchor in read(data_dir, key):
        for host, size in anchor.logs.items() if isinstance(anchor, Anchor) else ():
            known[host] = max(size, known.get(host, 0))
    return known


def set_aside(data_dir: Path, now: datetime) -> None:
    """Rename the files so that they are not read: a restore brought an older chain back."""
    for path in appendonly.files(data_dir / FOLDER):
        path.rename(path.with_suffix(f".before-{now:%Y%m%dT%H%M%SZ}"))


def _parsed(line: str, key: bytes) -> Anchor | None:
    text, _, seal = line.rstrip("\n").rpartition(" ")
    if not hmac.compare_digest(seal.encode(), _seal(key, text).encode()):
        return None
    seq, mac, at, logs, number = text.split(" ")
    pairs = (pair.partition("=") for pair in logs.split(",") if logs != _NONE)
    return Anchor(
        int(seq), b"" if mac == _NONE else bytes.fromhex(mac), datetime.fromisoformat(at),
        {host: int(size) for host, _, size in pairs}, int(number),
    )  # fmt: skip


def _seal(key: bytes, text: str) -> str:
    return hmac.digest(key, b"anchor " + text.encode(), hashlib.sha256).hex()
