"""Check the address of a link, and write it as every mailbox reads it.  Pure."""

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote, urlsplit

from markdown_it.common.normalize_url import normalizeLink

SCHEMES = ("https", "http", "mailto", "tel")
_BARE = re.compile(r"(?:www\.|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,24}(?:[/?#:]|\Z))", re.IGNORECASE)
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.?\Z")  # letters of any alphabet: the domain is encoded later
_FILE = re.compile(
    r"[^/]*\.(?:html?|php|aspx?|pdf|docx?|xlsx?|pptx?|od[tsp]|csv|zip|png|jpe?g|gif)\Z", re.IGNORECASE
)
_NO_HOST = {"http", "https", "www", "mailto"}  # what an address pasted twice begins with
_DISGUISE = re.compile(r"[@%\\]")  # https://known.fr@host leads where nobody looked
_MAILBOX = re.compile(r"[^@\s,;<>]+@[\w-]+(?:\.[\w-]+)+\Z")
_PHONE = re.compile(r"\+?[0-9().*#-]+(?:;[\w=+.;-]+)?\Z")


def normal(address: str) -> str:
    """Return the address with what no link may hold percent-encoded, and its domain in ASCII (IDNA)."""
    return str(normalizeLink(address))


def is_whole(address: str) -> bool:
    """Return whether a link leads by itself where it says."""
    return fault(address) is None


def fault(address: str) -> str | None:
    """Return the code of what is wrong with a link in a mail, which has no page to be relative to.

    Each code is a key of `faults` and `findings` in templates/words/issues.yaml.
    """
    address = address.strip()
    try:
        scheme = urlsplit(address).scheme.lower()
    except ValueError:  # brackets around no IPv6 address
        return "link_host"
    return _FAULTS[scheme](address) if scheme in SCHEMES else _incomplete(address, scheme)


def _incomplete(address: str, scheme: str) -> str:
    if not address:
        return "link_empty"
    if address.startswith("#"):
        return "link_anchor"
    if _MAILBOX.match(address):
        return "link_no_mailto"
    if _BARE.match(address) and not _FILE.match(address):
        return "link_no_scheme"
    return "link_scheme" if scheme else "link_relative"


def _web(address: str) -> str | None:
    if re.search(r"\s", address):
        return "link_spaces"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # the port is no number
        return "link_host"
    wrong = not _HOST.match(host) or host in _NO_HOST or port == 0 or _DISGUISE.search(parts.netloc)
    return "link_host" if wrong else None


def _mail(address: str) -> str | None:
    boxes, _, query = address.partition(":")[2].partition("?")
    if any("=" not in part for part in query.split("&") if query):
        return "link_ampersand"
    if re.search(r"\s", address):
        return "link_spaces"
    names = {name.lower() for name, _value in parse_qsl(query, keep_blank_values=True)}
    written = [unquote(box) for box in boxes.split(",")] if boxes else []
    if not all(_MAILBOX.match(box) for box in written) or not (written or "to" in names):
        return "link_mailto"
    return None


def _phone(address: str) -> str | None:
    number = address.partition(":")[2]
    if re.search(r"\s", number):
        return "link_spaces"
    return None if _PHONE.match(number) else "link_phone"


_Look = Callable[[str], str | None]
_FAULTS: dict[str, _Look] = {"http": _web, "https": _web, "mailto": _mail, "tel": _phone}
