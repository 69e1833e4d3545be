"""Encrypt and decrypt streams in the format of age (age-encryption.org/v1), which the `age` tool reads too.

A machine that makes backups needs the public half of a key alone, and cannot read what it wrote.  Each 64 KiB
is authenticated before it is passed on, and so is the end; nothing is held whole in memory.
"""

from pathlib import Path
from typing import Protocol

import pyrage
from pyrage import x25519


class BadKey(Exception):
    """Say which key is none of age's, and how to get one."""


class WrongKey(Exception):
    """Say that a file was not encrypted for this key, or is not whole."""


class Readable(Protocol):
    """Give bytes when asked, and none at the end."""

    def read(self, size: int = -1, /) -> bytes: ...


class Writable(Protocol):
    """Take bytes."""

    def write(self, data: bytes, /) -> int: ...

    def flush(self) -> None: ...


def new_key() -> tuple[str, bytes]:
    """Make a key: its public half, and the file that holds the private one."""
    identity = x25519.Identity.generate()
    public = str(identity.to_public())
    return public, f"# public key: {public}\n{identity}\n".encode()


def encrypt(source: Readable, sink: Writable, recipients: tuple[str, ...]) -> None:
    """Encrypt the source for the holders of the private halves of these keys.  Raises BadKey."""
    pyrage.encrypt_io(source, sink, [_recipient(key) for key in recipients])


def decrypt(source: Readable, sink: Writable, key_file: Path) -> None:
    """Decrypt the source.  Raises BadKey, WrongKey, and what the sink raised."""
    identity = _identity(key_file)
    try:
        pyrage.decrypt_io(source, sink, [identity])
    except (pyrage.DecryptError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise WrongKey(
            f"this file cannot be opened with the key of {key_file}: it is no backup, was made for another "
            "key, or is not whole"
        ) from error


def check(recipients: tuple[str, ...]) -> None:
    """Raise BadKey unless all are public keys."""
    for key in recipients:
        _recipient(key)


def _recipient(text: str) -> x25519.Recipient:
    try:
        return x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise BadKey(f"{text} is no public key (age1…): `mailer restore key` makes one") from error


def _identity(path: Path) -> x25519.Identity:
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    secret = next((line for line in lines if line.startswith("AGE-SECRET-KEY-1")), "")
    try:
        return x25519.Identity.from_str(secret)
    except pyrage.IdentityError as error:
        raise BadKey(f"{path} holds no private key (AGE-SECRET-KEY-1…)") from error
