"""Sign and read tokens: one salt per purpose, several keys for rotation (the last signs, all verify).

`issue`/`read` sign any small JSON value with its date (itsdangerous).  A *delivery token* names
one ledger row in 58 letters and digits: short enough for a VERP local part (64, RFC 5321 4.5.3.1.1), unharmed
by relays that fold case.  It is the send id in base32 (26), the position in hexadecimal (8), and a keyed
BLAKE2b of both (RFC 7693; 96 bits in hexadecimal, 24): three are made for each message, so they cost little.
A *notice token* names a notice in the same way, without a position: 50 characters.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from itsdangerous import BadSignature, SignatureExpired, Signer, URLSafeTimedSerializer

from mailer.core.settings import settings


class Purpose(StrEnum):
    """Name what a token may be used for.  A token of one purpose is invalid for another."""

    CONFIRM = "mailer.confirm"
    UNDO = "mailer.undo"  # of an unsubscription
    LEAVE = "mailer.leave"  # in notices, which no delivery names
    PREFERENCES = "mailer.preferences"
    RIGHTS = "mailer.rights"  # a rights link
    NEW_ADDRESS = "mailer.new-address"
    OLD_ADDRESS = "mailer.old-address"  # the undo of a change
    RECONFIRM = "mailer.reconfirm"
    FORM = "mailer.form"  # when a form was shown
    DEVICE = "mailer.device"  # a browser that has logged in to the desk
    UNSUBSCRIBE = "mailer.unsubscribe"  # delivery token, in links and List-Unsubscribe
    RETURN_PATH = "mailer.return-path"  # delivery token, in the VERP address
    MESSAGE_ID = "mailer.message-id"  # delivery token, in Message-ID
    NOTICE_RETURN_PATH = "mailer.notice-return-path"  # notice token, in the VERP address


class BadToken(Exception):
    """Say that a token was altered, cut, or made for something else."""


class ExpiredToken(BadToken):
    """Say that a token was ours, but is too old; `value` is what it carries."""

    def __init__(self, value: Any) -> None:
        self.value = value
        super().__init__("expired")


_ID, _PLACE = 26, 8  # characters
_MAC = 12  # bytes


def _keys() -> tuple[str, ...]:
    return tuple(key.get_secret_value() for key in settings().secret_keys)


@lru_cache
def _serializer(purpose: Purpose) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        list(_keys()), salt=purpose.value, signer_kwargs={"digest_method": hashlib.sha256}
    )


def issue(purpose: Purpose, value: Any) -> str:
    """Sign a JSON value, with its date, for one purpose."""
    return str(_serializer(purpose).dumps(value))


def read(purpose: Purpose, token: str, *, max_age: timedelta) -> Any:
    """Return the value a token carries.  Raises ExpiredToken or BadToken."""
    return dated(purpose, token, max_age=max_age)[0]


def dated(purpose: Purpose, token: str, *, max_age: timedelta) -> tuple[Any, datetime]:
    """Return the value a token carries, and the second it was signed.  Raises ExpiredToken or BadToken."""
    try:
        found = _serializer(purpose).loads(token, int(max_age.total_seconds()), return_timestamp=True)
    except SignatureExpired as error:
        raise ExpiredToken(_serializer(purpose).load_payload(error.payload or b"")) from error
    except BadSignature as error:
        raise BadToken from error
    value, at = found
    return value, at


@lru_cache
def _derived(purpose: Purpose) -> tuple[bytes, ...]:
    signer = Signer(list(_keys()), salt=purpose.value, key_derivation="hmac", digest_method=hashlib.sha256)
    return tuple(signer.derive_key(key) for key in signer.secret_keys)


def issue_delivery(purpose: Purpose, send_id: UUID, position: int) -> str:
    """Return 58 characters of [a-z0-9] that name one delivery for one purpose."""
    return issue_deliveries((purpose,), send_id, position)[0]


def issue_deliveries(purposes: Sequence[Purpose], send_id: UUID, position: int) -> list[str]:
    """Return one delivery's tokens for several purposes: they differ in their mac alone."""
    named = f"{_prefix(send_id)}{position:0{_PLACE}x}"
    return [named + _mac(_derived(purpose)[-1], named) for purpose in purposes]


def read_delivery(purpose: Purpose, token: str) -> tuple[UUID, int]:
    """Return the (send id, position) of a delivery token.  Raises BadToken."""
    named = _proven(purpose, token.lower(), _ID + _PLACE)
    return _id(named), int(named[_ID:], 16)


def issue_notice(purpose: Purpose, notice_id: UUID) -> str:
    """Return 50 characters of [a-z0-9] that name one notice for one purpose."""
    named = _prefix(notice_id)
    return named + _mac(_derived(purpose)[-1], named)


def read_notice(purpose: Purpose, token: str) -> UUID:
    """Return the id of a notice token.  Raises BadToken."""
    return _id(_proven(purpose, token.lower(), _ID))


def _proven(purpose: Purpose, token: str, length: int) -> str:
    """Return what a token names, its first `length` characters, if we signed it.  Raises BadToken."""
    named, mac = token[:length], token[length:].encode()
    if not any(hmac.compare_digest(_mac(key, named).encode(), mac) for key in _derived(purpose)):
        raise BadToken
    return named


def _id(named: str) -> UUID:
    return UUID(bytes=base64.b32decode(named[:_ID].upper() + "======"))


@lru_cache(maxsize=64)
def _prefix(send_id: UUID) -> str:
    return base64.b32encode(send_id.bytes).decode().rstrip("=").lower()


def _mac(key: bytes, named: str) -> str:
    return hashlib.blake2b(named.encode(), digest_size=_MAC, key=key).hexdigest()
