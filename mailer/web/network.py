"""Name whoever asks, for limits to count; no address is kept or logged, only a keyed hash.

An address comes from whoever sends it, or from a proxy that writes it in its own way: what cannot be read
is one visitor more, whom all such requests share.  Nothing here raises.
"""

import hashlib
import hmac
import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from flask import request

from mailer.core.settings import settings

_BRACKETED = re.compile(r"\[([^\]]*)\](?::\d*)?\Z")  # RFC 3986, as RFC 7239 writes IPv6
_WITH_PORT = re.compile(r"([0-9.]+):\d*\Z")
UNREADABLE = "unreadable"


def visitor() -> str:
    """Name the machine somebody asks from: one address of IPv4, a /64 of IPv6 (one subscriber has it all)."""
    return _named("visitor", 32)


def network() -> str:
    """Name the network somebody asks from: a /24, or a /64 of IPv6."""
    return _named("network", 24)


def read(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address as proxies write it, with a port, brackets or a zone too; None if it is none."""
    text = text.strip().strip('"')
    found = _BRACKETED.match(text) or _WITH_PORT.match(text)
    bare = (found[1] if found else text).partition("%")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _named(what: str, bits: int) -> str:
    address = read(request.remote_addr or "")
    if address is None:
        return _counted(what, UNREADABLE)
    prefix = bits if address.version == 4 else 64
    return _counted(what, str(ip_network((address, prefix), strict=False)))


def _counted(what: str, name: str) -> str:
    key = settings().secret_keys[-1].get_secret_value().encode()
    return hmac.digest(key, f"mailer.{what} {name}".encode(), hashlib.sha256).hex()[:24]
