"""DKIM: the last thing done to a message, and never left out by accident (RFC 6376).

RSA-2048 and SHA-256, relaxed on both sides, no l= (what is added below the body must break the signature).
The domain that signs is the From address's own, so that DMARC sees it aligned.  A header that must not be
added is listed once more than it occurs (RFC 6376 8.15): a second From or Subject breaks the signature.

`cryptography` is imported only where a key is: without DKIM a worker never loads it.
"""

import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from mailer.core.hold_reasons import HoldReason
from mailer.core.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

MIN_BITS = 2048  # what RFC 8301 says one SHOULD use at least
NEVER_ADDED = (
    "From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
    "Content-Transfer-Encoding", "List-Unsubscribe", "List-Unsubscribe-Post",
)  # fmt: skip
IF_PRESENT = ("List-Id", "List-Help", "List-Owner", "List-Post", "List-Archive", "Feedback-ID")
_LINE = 72  # characters

_UNSIGNED = (
    b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d=%s; s=%s; t=%d;\r\n h=%s;\r\n bh=%s;\r\n b="
)
_BLANKS_AT_END = re.compile(rb"[ \t]+\r\n")
_BLANKS = re.compile(rb"[ \t]{2,}|\t")


class DkimKeyMissing(Exception):
    """Say that DKIM is configured, and its key cannot be used: nothing may leave unsigned.  One sentence."""


class Unsignable(ValueError):
    """Say that a message does not have exactly one From address."""


class Signer:
    """Hold a selector and its private key; signs for whatever domain a message is from."""

    def __init__(self, selector: str, key: bytes, *, clock: Callable[[], float] = time.time) -> None:
        """Take an RSA key, in PEM without a password.  Raises DkimKeyMissing."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        self.selector = selector
        self._key = _read(key)
        self._how = PKCS1v15(), SHA256()
        self._clock = clock
        self._plans: dict[tuple[bytes, ...], tuple[list[bytes], bytes]] = {}

    def sign(self, message: bytes, *, canonical: bool = False) -> bytes:
        """Return the message, whose lines end in CRLF, with its DKIM-Signature first.  Raises Unsignable.

        canonical: the body is already its relaxed form, as `Letter` makes it; it is then hashed as it is.
        """
        end = message.find(b"\r\n\r\n")
        if end < 0:
            raise Unsignable("a message has headers, an empty line and a body")
        body = memoryview(message)[end + 4 :] if canonical else relaxed_body(message[end + 4 :])
        fields = _relaxed_headers(message[:end])
        listed, names = self._plan(fields)
        unsigned = _UNSIGNED % (
            _domain(fields), self.selector.encode(), self._clock(), names, b64encode(sha256(body).digest()),
        )  # fmt: skip
        signature = b64encode(self._key.sign(_signed(listed, fields, unsigned), *self._how))
        return b"".join((unsigned, _folded(signature), b"\r\n", message))

    @property
    def record(self) -> str:
        """Return the TXT record's value: the public key."""
        return _record(self._key)

    def is_published_by(self, record: str) -> bool:
        """Return whether a TXT record holds our public key, whatever its other tags and blanks."""
        return _tags(record).get("p") == _tags(self.record)["p"]

    def _plan(self, fields: Mapping[bytes, list[bytes]]) -> tuple[list[bytes], bytes]:
        """Which headers to hash, in order, and the h= that says so: made once for each shape of message."""
        shape = tuple(name for name, values in fields.items() for _ in values)
        plan = self._plans.get(shape)
        if plan is None:
            counted = [
                (name, len(fields.get(name.lower().encode(), ()))) for name in NEVER_ADDED + IF_PRESENT
            ]
            named = [
                name for name, count in counted if count or name in NEVER_ADDED for _ in range(count + 1)
            ]
            plan = self._plans[shape] = [name.lower().encode() for name in named], _wrapped(named)
        return plan


def load(settings: Settings) -> Signer | None:
    """Return the signer of this installation; None only where DKIM is not configured.

    Raises DkimKeyMissing when it is and the key cannot be used: the send stops, it never goes on unsigned.
    """
    if settings.dkim_key_file is None or settings.dkim_selector is None:
        return None
    try:
        key = settings.dkim_key_file.read_bytes()
    except OSError as error:
        raise DkimKeyMissing(
            f"{HoldReason.KEY_UNREADABLE}: {settings.dkim_key_file} ({error.strerror}); nothing leaves "
            "unsigned; put it back, or unset MAILER_DKIM_KEY_FILE and MAILER_DKIM_SELECTOR"
        ) from error
    return Signer(settings.dkim_selector, key)


def new_key() -> bytes:
    """Return a fresh private key, in PEM."""
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = rsa.generate_private_key(public_exponent=65537, key_size=MIN_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 3.4.4."""
    lines = _BLANKS_AT_END.sub(b"\r\n", _BLANKS.sub(b" ", body + b"\r\n")).rstrip(b"\r\n")
    return lines + b"\r\n" if lines else b""


def _relaxed_headers(head: bytes) -> dict[bytes, list[bytes]]:
    """Canonical values by lower-case name, in the order they come (RFC 6376 3.4.2)."""
    fields: dict[bytes, list[bytes]] = {}
    unfolded = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    if b"  " in unfolded or b"\t" in unfolded:
        unfolded = _BLANKS.sub(b" ", unfolded)
    for line in unfolded.split(b"\r\n"):
        name, _, value = line.partition(b":")
        fields.setdefault(name.rstrip().lower(), []).append(value.strip(b" \t"))
    return fields


def _domain(fields: Mapping[bytes, list[bytes]]) -> bytes:
    """Of the From address, which is the last thing in its header.  Raises Unsignable."""
    values = fields.get(b"from", [])
    _, at, domain = values[0].rpartition(b"@") if len(values) == 1 else (b"", b"", b"")
    domain = domain.removesuffix(b">")
    if not at or not re.fullmatch(rb"[A-Za-z0-9.-]+", domain):
        raise Unsignable("DKIM needs one From address, at a domain in ASCII")
    return domain.lower()


def _signed(listed: Iterable[bytes], fields: Mapping[bytes, list[bytes]], unsigned: bytes) -> bytes:
    """Return what the signature covers: the headers of h=, the last of a name first, then itself without b=.

    Takes the fields out as it goes: a name listed once more than it occurs adds nothing.
    """
    lines = [name + b":" + fields[name].pop() + b"\r\n" for name in listed if fields.get(name)]
    name, _, value = unsigned.replace(b"\r\n ", b" ").partition(b": ")
    return b"".join((*lines, name.lower(), b":", value))


def _wrapped(names: Iterable[str]) -> bytes:
    """Return the h= tag's value, in lines."""
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) > _LINE:
            lines.append("")
        lines[-1] += name + ":"
    return "\r\n ".join(lines).removesuffix(":").encode()


def _folded(signature: bytes) -> bytes:
    return b"\r\n ".join(signature[at : at + _LINE] for at in range(0, len(signature), _LINE))


def _read(pem: bytes) -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    remedy = "nothing leaves unsigned; `mailer dkim create` makes a good one"
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise DkimKeyMissing(f"{HoldReason.KEY_NOT_PEM}: {remedy}") from error
    if not isinstance(key, RSAPrivateKey):
        raise DkimKeyMissing(f"{HoldReason.KEY_NOT_RSA}: {remedy}")
    if key.key_size < MIN_BITS:
        raise DkimKeyMissing(f"{HoldReason.KEY_WEAK}: {key.key_size} bits, fewer than {MIN_BITS}; {remedy}")
    return key


def _record(key: "RSAPrivateKey") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={b64encode(public).decode()}"


def _tags(record: str) -> dict[str, str]:
    pairs = (tag.partition("=") for tag in record.split(";"))
    return {name.strip(): "".join(value.split()) for name, _, value in pairs}
