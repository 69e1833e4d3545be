"""Signed tokens: one salt per purpose, several keys for rotation (the last signs, all verify).

Two shapes.  `issue`/`read` sign any small JSON value with its date (itsdangerous).  A *delivery token* names
one ledger row (send id and position) in 56 lower-case base32 characters: short enough for a VERP local part
(64, RFC 5321 4.5.3.1.1) and unharmed by relays that fold case.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from itsdangerous import BadSignature, SignatureExpired, Signer, URLSafeTimedSerializer

from mailer.settings import settings


class Purpose(StrEnum):
    """What a token may be used for.  A token of one purpose is nothing for another."""

    CONFIRM = "mailer.confirm"
    UNDO = "mailer.undo"  # of an unsubscription
    LEAVE = "mailer.leave"  # in notices, which no delivery names
    PREFERENCES = "mailer.preferences"
    RIGHTS = "mailer.rights"  # a rights link
    NEW_ADDRESS = "mailer.new-address"
    OLD_ADDRESS = "mailer.old-address"  # the undo of a change
    RECONFIRM = "mailer.reconfirm"
    FORM = "mailer.form"  # when a form was shown
    UNSUBSCRIBE = "mailer.unsubscribe"  # delivery token, in links and List-Unsubscribe
    RETURN_PATH = "mailer.return-path"  # delivery token, in the VERP address
    MESSAGE_ID = "mailer.message-id"  # delivery token, in Message-ID


class BadToken(Exception):
    """The token was altered, cut, or made for something else."""


class ExpiredToken(BadToken):
    """The token was ours, but is too old; `value` is what it said."""

    def __init__(self, value: Any) -> None:
        self.value = value
        super().__init__("expired")


_ID = 16  # bytes of a send id
_POSITION = 4
_MAC = 15  # 120 bits; 16 + 4 + 15 = 35 bytes = 56 base32 characters without padding


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
    """The value a token carries.  Raises ExpiredToken or BadToken."""
    try:
        return _serializer(purpose).loads(token, max_age=int(max_age.total_seconds()))
    except SignatureExpired as error:
        raise ExpiredToken(_serializer(purpose).load_payload(error.payload or b"")) from error
    except BadSignature as error:
        raise BadToken from error


@lru_cache
def _derived(purpose: Purpose) -> tuple[bytes, ...]:
    signer = Signer(list(_keys()), salt=purpose.value, key_derivation="hmac", digest_method=hashlib.sha256)
    return tuple(signer.derive_key(key) for key in signer.secret_keys)


def issue_delivery(purpose: Purpose, send_id: UUID, position: int) -> str:
    """56 characters of [a-z2-7] naming one delivery for one purpose."""
    return issue_deliveries((purpose,), send_id, position)[0]


def issue_deliveries(purposes: Sequence[Purpose], send_id: UUID, position: int) -> list[str]:
    """The same for several purposes, encoded at once: what each names is 32 characters, and its mac 24."""
    body = send_id.bytes + position.to_bytes(_POSITION, "big")
    macs = (_mac(_derived(purpose)[-1], body) for purpose in purposes)
    encoded = base64.b32encode(body + b"".join(macs)).decode().lower()
    return [encoded[:32] + encoded[at : at + 24] for at in range(32, len(encoded), 24)]


def read_delivery(purpose: Purpose, token: str) -> tuple[UUID, int]:
    """(send id, position) of a delivery token.  Raises BadToken."""
    try:
        raw = base64.b32decode(token.upper())
    except ValueError as error:
        raise BadToken from error
    body, mac = raw[:-_MAC], raw[-_MAC:]
    if len(body) != _ID + _POSITION:
        raise BadToken
    if not any(hmac.compare_digest(_mac(key, body), mac) for key in _derived(purpose)):
        raise BadToken
    return UUID(bytes=body[:_ID]), int.from_bytes(body[_ID:], "big")


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, hashlib.sha256)[:_MAC]
