"""What the relay writes of each message that reaches it: enough to judge by, and no content."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

_PERSONAL = re.compile(
    rb"\r\n(?:To|Message-ID|List-Unsubscribe|DKIM-Signature):.*?(?=\r\n\S|\r\n\r\n)",
    re.DOTALL | re.IGNORECASE,
)
_TOKEN = re.compile(rb"(?<![a-z0-9])[a-z0-9]{58}(?![a-z0-9])")
_MESSAGE_ID = re.compile(rb"\r\nMessage-ID:\s*<([^>\r\n]+)>", re.IGNORECASE)


class End(StrEnum):
    """How a body that had begun ended at the relay."""

    TOOK = "took"  # written right before the 250 to the dot is said (or withheld)
    REFUSED = "refused"  # the dot was answered with something else, or not at all, and nothing was kept
    CUT = "cut"  # the connection ended before the dot


@dataclass(frozen=True)
class Arrival:
    """One body that began to reach the relay."""

    end: End
    began: float  # seconds since the epoch, at its first byte
    ended: float
    to: str
    sender: str  # return path
    connection: int
    size: int  # bytes
    message_id: str = ""  # "" when it has none, or was cut
    tokens: tuple[str, ...] = ()  # the delivery tokens of its links
    content: str = ""  # SHA-256 of what everybody's copy has in common

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


def impersonal(raw: bytes) -> str:
    """SHA-256, in hexadecimal, of a message without what differs from one recipient to the next."""
    head, blank, body = (b"\r\n" + raw).partition(b"\r\n\r\n")
    common = _PERSONAL.sub(b"", head + blank) + _TOKEN.sub(b"", body.replace(b"=\r\n", b""))
    return hashlib.sha256(common).hexdigest()


def message_id(raw: bytes) -> str:
    """The Message-ID of a message without its brackets, "" if it has none."""
    found = _MESSAGE_ID.search(b"\r\n" + raw.partition(b"\r\n\r\n")[0] + b"\r\n")
    return found[1].decode("ascii", "replace") if found else ""


def tokens(raw: bytes) -> tuple[str, ...]:
    """The delivery tokens of the links of a message, each once."""
    body = raw.partition(b"\r\n\r\n")[2].replace(b"=\r\n", b"")
    return tuple(sorted({token.decode() for token in _TOKEN.findall(body)}))


def read(log: Path) -> list[Arrival]:
    """Everything a relay has written, in order."""
    lines = log.read_bytes().splitlines() if log.exists() else []
    return [_arrival(json.loads(line)) for line in lines]


def _arrival(values: dict[str, object]) -> Arrival:
    end, found = End(str(values.pop("end"))), values.pop("tokens")
    assert isinstance(found, list)
    return Arrival(end=end, tokens=tuple(found), **values)  # type: ignore[arg-type]
