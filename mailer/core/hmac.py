"""HMAC-SHA-256 under one key, many times (RFC 2104).  Pure."""

import hmac
from collections.abc import Callable
from functools import lru_cache


@lru_cache(maxsize=8)
def macs(key: bytes) -> Callable[[bytes], bytes]:
    """Return what makes a message's mac, 32 bytes.

    The keyed state is copied: that is cheaper than making it anew.
    """
    keyed = hmac.new(key, digestmod="sha256")

    def mac(message: bytes) -> bytes:
        one = keyed.copy()
        one.update(message)
        return one.digest()

    return mac
