"""Name why something of ours is on hold, so that whoever is told reads it in their own language.

A hold keeps one line of text, which the log writes too: `reason: detail`, or a sentence that ends in what the
disk said.  A text without any of these reasons is quoted as it is: it is a relay's own.  Pure.
"""

import socket
import ssl
from enum import StrEnum


class HoldReason(StrEnum):
    """Say why, in the log's English; its labels say it to a person."""

    # of a server that cannot be used, before anything was handed to it
    NO_CONNECTION = "no connection"
    NAME_UNKNOWN = "its name is unknown"
    NO_ANSWER_IN_TIME = "no answer in time"
    CERTIFICATE = "its certificate is not valid"
    NO_ENCRYPTION = "no encrypted connection"
    LOGIN_REFUSED = "the login is refused"
    TURNED_AWAY = "it turns us away"
    # of a relay, in the middle of its work
    GONE = "it has gone"
    HANGS_UP = "it keeps hanging up"
    NO_WORD = "it takes messages and does not answer for them"
    # of the key that signs
    KEY_UNREADABLE = "the DKIM key cannot be read"
    KEY_NOT_PEM = "the DKIM key is no private key in PEM without a password"
    KEY_NOT_RSA = "the DKIM key is not an RSA key"
    KEY_WEAK = "the DKIM key is too short"
    # of a disk, as os.strerror says it
    DISK_FULL = "No space left on device"
    DISK_QUOTA = "Disk quota exceeded"
    DISK_FORBIDDEN = "Permission denied"
    DISK_READ_ONLY = "Read-only file system"
    DISK_MISSING = "No such file or directory"
    DISK_BROKEN = "Input/output error"


UNUSABLE = frozenset({
    HoldReason.NO_CONNECTION, HoldReason.NAME_UNKNOWN, HoldReason.NO_ANSWER_IN_TIME, HoldReason.CERTIFICATE,
    HoldReason.NO_ENCRYPTION, HoldReason.LOGIN_REFUSED, HoldReason.TURNED_AWAY,
})  # fmt: skip
_KNOWN = {reason.value: reason for reason in HoldReason}


def read(text: str) -> tuple[HoldReason, str] | None:
    """Return the reason in a hold's text and the detail after it; None where the text is somebody's words."""
    head, _, detail = text.partition(": ")
    if head in _KNOWN:
        return _KNOWN[head], detail
    last = text.rpartition(": ")[2]
    return (_KNOWN[last], "") if last in _KNOWN else None


def of_connection(error: OSError) -> HoldReason:
    """Name why a server could not be reached."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return HoldReason.CERTIFICATE
    if isinstance(error, ssl.SSLError):
        return HoldReason.NO_ENCRYPTION
    if isinstance(error, socket.gaierror):
        return HoldReason.NAME_UNKNOWN
    return HoldReason.NO_ANSWER_IN_TIME if isinstance(error, TimeoutError) else HoldReason.NO_CONNECTION
