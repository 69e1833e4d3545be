"""Email addresses: validate, normalise, fingerprint.  Pure.

Two spellings are one address when they are equal after trimming, NFC, lower case and IDNA A-labels.
Dots and plus tags are the mailbox owner's business and are kept.
"""

import re
import unicodedata
from collections.abc import Callable

from email_validator import EmailNotValidError, validate_email

from mailer.core.hmac import macs

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN = re.compile(rf"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:{_LABEL}\.)+[a-z]{{2,24}}\Z")
_SAME_PROVIDER = {"googlemail.com": "gmail.com"}
_RESERVED = (".local", ".localhost", ".test", ".invalid")


class InvalidAddress(ValueError):
    """This is not an address one can write to."""


def normalise(raw: str) -> str:
    """Return the one spelling under which an address is kept: NFC, lower case, A-label domain, ≤ 254
    characters.

    Raises InvalidAddress.  Deliverability is not asked of the network.
    """
    text = unicodedata.normalize("NFC", raw.strip()).lower()
    if _PLAIN.match(text) and len(text) <= 254 and text.index("@") <= 64 and not text.endswith(_RESERVED):
        return text
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=True)
    except EmailNotValidError as error:
        raise InvalidAddress(raw) from error
    return f"{found.local_part}@{found.ascii_domain}".lower()


def domain(address: str) -> str:
    """Return the domain of a normalised address, as A-labels."""
    return address.rpartition("@")[2]


def mailbox(address: str) -> str:
    """Return the mailbox a normalised address most likely leads to: for counting only, never for identity.

    Compatibility forms, dots and plus tags are folded away, and Google's two domains are one.
    """
    local, _, host = unicodedata.normalize("NFKC", address).casefold().rpartition("@")
    bare = local.partition("+")[0].replace(".", "")
    return f"{bare or local}@{_SAME_PROVIDER.get(host, host)}"


def fingerprint(address: str, key: bytes) -> bytes:
    """32 bytes: HMAC-SHA-256 of a normalised address.  Names a person without saying who."""
    return fingerprinter(key)(address)


def fingerprinter(key: bytes) -> Callable[[str], bytes]:
    """`fingerprint` for many addresses."""
    mac = macs(key)
    return lambda address: mac(address.encode())
