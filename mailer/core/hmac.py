"""Compute many HMAC-SHA-256 under one key (RFC 2104).  Pure."""

import hmac
from collections.abc import Callable
from functools import lru_cache


@lru_cache(maxsize=8)
def macs(key: bytes) -> Callable[[bytes], bytes]:
    """Return a function that computes a message's mac, 32 bytes.

    The keyed state is copied: that is cheaper than making it anew.
    """
    keyed = hmac.new(key, digestmod="sha256")

    def mac(message: bytes) -> bytes:
        state = keyed.copy()
        state.update(message)
        return state.digest()

    return mac
