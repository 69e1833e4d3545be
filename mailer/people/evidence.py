"""The file of consent: an append-only chain, each link keyed to the one before it."""

import hashlib
import hmac
import json
import secrets
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailer.people.models import ConsentEvent, ConsentPayload
from mailer.settings import settings

GENESIS = bytes(32)
_LOCK = 0x636F6E73656E74  # "consent"


def append(db: Session, payload: ConsentPayload) -> ConsentEvent:
    """Add one event to the chain; the payload is given its event, its salt and its place.

    The lock and the read of the head are two statements on purpose: under READ COMMITTED the second then
    sees what the lock's previous holder committed.  UNIQUE(previous) refuses a fork all the same.
    """
    db.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    head = db.scalar(select(ConsentEvent.mac).order_by(ConsentEvent.seq.desc()).limit(1)) or GENESIS
    payload.event_id, payload.salt = uuid4(), secrets.token_bytes(16)
    digest = payload_digest(payload)
    event = ConsentEvent(
        id=payload.event_id,
        previous=head,
        payload_digest=digest,
        mac=link(head, payload.event_id.bytes, digest),
    )
    db.add(event)
    db.flush()
    db.add(payload)
    db.flush()
    return event


def link(previous: bytes, event_id: bytes, digest: bytes) -> bytes:
    """The mac of one link.  Keyed: an unkeyed chain can be rewritten whole by whoever holds the database."""
    key = settings().fingerprint_key.get_secret_value().encode()
    chain_key = hmac.digest(key, b"mailer.consent-chain", hashlib.sha256)
    return hmac.digest(chain_key, previous + event_id + digest, hashlib.sha256)


def payload_digest(payload: ConsentPayload) -> bytes:
    """SHA-256 of the salt and the canonical JSON of everything else the payload says."""
    said = {
        column.key: _plain(getattr(payload, column.key))
        for column in ConsentPayload.__mapper__.columns
        if column.key not in {"event_id", "salt"}
    }
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(payload.salt + text.encode()).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.timestamp()
    return None if value is None else str(value)
