"""HMAC-SHA-256 under one key, many times (RFC 2104).  Pure."""

import hmac
from collections.abc import Callable
from functools import lru_cache


@lru_cache(maxsize=8)
def macs(key: bytes) -> Callable[[bytes], bytes]:
    """A message's mac, 32 bytes.  The keyed state is copied: making it anew costs more than the mac."""
    keyed = hmac.new(key, digestmod="sha256")

    def mac(message: bytes) -> bytes:
        one = keyed.copy()
        one.update(message)
        return one.digest()

    return mac
