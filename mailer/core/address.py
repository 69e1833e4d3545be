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
_FORMULA = ("=", "＝")
_INVISIBLE = re.compile(r"[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>\Z")
_AROUND = " \t\r\n\u00a0,;:.\"'<>()"


class InvalidAddress(ValueError):
    """Say that this is not an address one can write to."""


class SeveralAddresses(InvalidAddress):
    """There are two addresses or more where one is wanted."""


def normalise(raw: str) -> str:
    """Return the one spelling under which an address is kept.

    NFC, lower case, A-label domain, ≤ 254 characters.  What is pasted around it is taken off (see `pasted`).
    Raises InvalidAddress, SeveralAddresses.  Deliverability is not asked of the network.
    """
    return pasted(raw)[1]


def pasted(raw: str) -> tuple[str, str]:
    """Return the name, or "", and the normalised address in what people paste.

    Invisible marks, `mailto:`, `<…>` and punctuation around it come off; the name before `<…>` is kept.
    Raises InvalidAddress, SeveralAddresses.
    """
    text = raw.strip().lower()
    if _is_plain(text):
        return "", text
    name, text = _parted(unicodedata.normalize("NFC", without_invisible(raw)).strip())
    text = text.lower()
    return name, text if _is_plain(text) else _validated(text)


def without_invisible(text: str) -> str:
    """Take off the marks that nobody sees: zero-width, bidirectional, byte order, soft hyphens."""
    return _INVISIBLE.sub("", text)


def _is_plain(text: str) -> bool:
    return bool(
        _PLAIN.match(text) and len(text) <= 254 and text.index("@") <= 64 and not text.endswith(_RESERVED)
    )


def _parted(text: str) -> tuple[str, str]:
    """Return the name and the bare address of a text without invisible marks."""
    found = _NAMED.match(text.rstrip(",;. \t\u00a0"))
    name, text = (found["name"], found["address"]) if found else ("", text)
    if text[:7].lower() == "mailto:":
        text = text[7:].partition("?")[0]
    text = text.strip(_AROUND)
    if text.count("@") > 1 and re.search(r"@[^@]*[\s,;<>/|]+[^@]*@", text):
        raise SeveralAddresses("two addresses where one is wanted")
    if (
        text.startswith(_FORMULA) or "|" in text
    ):  # a formula or a pipe, where a spreadsheet or a shell reads it
        raise InvalidAddress("not an address")
    if "\ufffd" in text:  # what a decoder put where it could not read
        raise InvalidAddress("not an address")
    return name.strip(_AROUND), text


def _validated(text: str) -> str:
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=True)
    except EmailNotValidError as error:
        raise InvalidAddress(text) from error
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
    """Return 32 bytes: HMAC-SHA-256 of a normalised address.  Names a person without saying who."""
    return fingerprinter(key)(address)


def fingerprinter(key: bytes) -> Callable[[str], bytes]:
    """Make `fingerprint` for many addresses."""
    mac = macs(key)
    return lambda address: mac(address.encode())
