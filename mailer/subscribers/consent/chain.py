"""Append to the consent record: a chain of events, each with a mac over the one before it."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Row, delete, event, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.core import appendonly
from mailer.core.db import utcnow
from mailer.core.hmac import macs
from mailer.core.logging import log
from mailer.core.settings import settings
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.subscribers.consent import anchors
from mailer.subscribers.consent.anchors import Anchor
from mailer.subscribers.consent.models import AnchorPosition, ConsentEvent, ConsentKind, ConsentPayload


class Head(NamedTuple):
    """Hold the end of the chain, which the next event follows."""

    mac: bytes
    sha256: bytes


GENESIS = Head(bytes(32), bytes(32))
SALT = 16  # bytes
_LOCK = 0x636F6E73656E74  # "consent"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_IN_TEXT = {"event_id", "salt"}  # columns left out of the text that the digest is taken of
DECISIONS = {ConsentKind.WITHDRAWN: Decision.WITHDRAWAL, ConsentKind.CONFIRMED: Decision.CONSENT}
_HEAD = "consent_head"  # in a session's info: what its transaction appended last
_NUMBER = "anchor_number"  # the same: how many commits of this host were anchored while an issue left


def append(db: Session, payload: ConsentPayload) -> ConsentEvent:
    """Add one event to the chain; set the payload's event and salt.

    Consents and withdrawals go to the privacy log before the commit; the head is anchored after it.
    """
    head = lock(db)
    payload.event_id, payload.salt = uuid4(), secrets.token_bytes(SALT)
    digest, expires_at = payload_digest(payload), expiry(payload.at)
    link = linker(expires_at)(head, payload.event_id.bytes, digest)
    appended = ConsentEvent(
        id=payload.event_id, previous=head.mac, payload_digest=digest, expires_at=expires_at,
        sha256=link.sha256, mac=link.mac,
    )  # fmt: skip
    db.add(appended)
    db.flush()
    db.add(payload)
    db.flush()
    if decision := DECISIONS.get(payload.kind):
        decisions.write(
            db, decision, payload.fingerprint, subject=payload.newsletter_id, detail=payload.channel
        )
    will_anchor(db, appended.seq, appended.mac)
    return appended


def lock(db: Session) -> Head:
    """Hold the chain until this transaction ends; return its head.

    The lock and the read of the head are two statements on purpose: under READ COMMITTED the second then
    sees what the lock's previous holder committed.  UNIQUE(previous) refuses a fork all the same.
    """
    db.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    last = select(ConsentEvent.mac, ConsentEvent.sha256).order_by(ConsentEvent.seq.desc()).limit(1)
    row = db.execute(last).one_or_none()
    return Head(*row) if row else GENESIS


def linker(expires_at: datetime | None) -> Callable[[Head, bytes, bytes], Head]:
    """Return a function that links events of one expiry: (head, event id, payload digest) -> new head.

    The SHA-256 lets anybody who holds an export follow it (RFC 6234).  Only the mac, over the same and it,
    proves the chain: whoever holds the database could rewrite a chain of hashes whole.
    """
    mac, until = macs(chain_key()), _until(expires_at)

    def link(head: Head, event_id: bytes, digest: bytes) -> Head:
        content = event_id + digest + until
        sha256 = hashlib.sha256(head.sha256 + content).digest()
        return Head(mac(head.mac + content + sha256), sha256)

    return link


def seal(row: Row[Any]) -> bytes:
    """Return the mac that a stored event must have, given what it says comes before it."""
    content = row.id.bytes + row.payload_digest + _until(row.expires_at)
    return macs(chain_key())(row.previous + content + row.sha256)


def _until(expires_at: datetime | None) -> bytes:
    if expires_at is None:
        return b""
    return ((expires_at - _EPOCH) // timedelta(microseconds=1)).to_bytes(8, "big")


@lru_cache(maxsize=1)
def _derived(key: str) -> bytes:
    return hmac.digest(key.encode(), b"mailer.consent-chain", hashlib.sha256)


def chain_key() -> bytes:
    """Return the key of the chain, derived from the one that stays out of the database."""
    return _derived(settings().fingerprint_key.get_secret_value())


def expiry(at: datetime) -> datetime:
    """Return until when the payload of an event of that time is kept, at least."""
    years = settings().evidence_years
    try:
        return at.replace(year=at.year + years)
    except ValueError:  # 29 February
        return at.replace(year=at.year + years, day=28)


def payload_digest(payload: ConsentPayload | Row[Any]) -> bytes:
    """Return the SHA-256 of the salt and the canonical JSON of everything else in the payload."""
    return hashlib.sha256(payload.salt + canonical(payload).encode()).digest()


def canonical(payload: ConsentPayload | Row[Any]) -> str:
    """Return a payload as the one text that its digest is taken of."""
    values = {name: _plain(getattr(payload, name)) for name in _NAMES}
    return json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


_NAMES = [column.key for column in ConsentPayload.__mapper__.columns if column.key not in _NOT_IN_TEXT]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.timestamp()
    return None if value is None else str(value)


def will_anchor(db: Session, seq: int, mac: bytes) -> None:
    """Have this head written outside the database, once it is committed."""
    db.info[_HEAD] = seq, mac


@event.listens_for(Session, "before_commit")
def _note_anchors(db: Session) -> None:
    """Record how far this host's anchors go: whoever takes some out cannot hide it from the database."""
    if db.in_nested_transaction() or not _anchored(db):
        return
    size, seal = anchors.end(settings().data_dir)
    if size:
        row = insert(AnchorPosition).values(host=appendonly.host(), number=0, size=size, seal=seal)
        further = {"size": row.excluded.size, "seal": row.excluded.seal}
        db.execute(row.on_conflict_do_update(
            index_elements=["host"], set_=further, where=AnchorPosition.size < row.excluded.size
        ))  # fmt: skip


@event.listens_for(Session, "after_commit")
def _anchor(db: Session) -> None:
    if db.in_nested_transaction() or not _anchored(db):
        return
    seq, mac = db.info.pop(_HEAD, (0, b""))
    _write(Anchor(seq, mac, utcnow(), db.info.pop(decisions.COMMITTING, {}), db.info.pop(_NUMBER, 0)))


@event.listens_for(Session, "after_rollback")
def _forget(db: Session) -> None:
    if not db.in_nested_transaction():
        db.info.pop(_HEAD, None)
        db.info.pop(_NUMBER, None)


def _anchored(db: Session) -> bool:
    """Return whether this commit is one that an anchor is to tell of."""
    return any(what in db.info for what in (_HEAD, _NUMBER, decisions.COMMITTING))


def anchor_head(db: Session, *, now: datetime) -> None:
    """Anchor the head as it is: daily, even when nothing was appended."""
    head = _head(db)
    if head:
        _write(Anchor(head.seq, head.mac, now))


def anchor_progress(db: Session) -> None:
    """Have a commit of its own anchored, since an issue leaves: a copy of the database from before shows."""
    host = appendonly.host()
    size, seal = anchors.end(settings().data_dir)
    row = insert(AnchorPosition).values(host=host, number=1, size=size, seal=seal)
    more = {"number": AnchorPosition.number + 1}
    counted = row.on_conflict_do_update(index_elements=["host"], set_=more)
    db.info[_NUMBER] = db.scalars(counted.returning(AnchorPosition.number)).one()
    if head := _head(db):
        will_anchor(db, head.seq, head.mac)


def _head(db: Session) -> Row[int, bytes] | None:
    last = select(ConsentEvent.seq, ConsentEvent.mac).order_by(ConsentEvent.seq.desc()).limit(1)
    return db.execute(last).one_or_none()


def set_anchors_aside(db: Session, *, now: datetime) -> None:
    """Begin the anchors anew, once a restore has brought an older chain back."""
    anchors.set_aside(settings().data_dir, now)
    db.execute(delete(AnchorPosition))


def _write(anchor: Anchor) -> None:
    """Write an anchor; one that cannot be written is an alarm, not a failure: the commit stands."""
    try:
        anchors.write(settings().data_dir, chain_key(), anchor)
    except OSError as error:
        log.error("the head of the consent chain could not be anchored", error=str(error))


def expire(db: Session) -> int:
    """Delete the payloads that are no longer needed; return how many.  The events stay for ever.

    A person's payloads for a newsletter go together: once the newest of them has expired, and the person is
    not subscribed.  The clock is the database's.
    """
    return int(db.scalar(text("SELECT expire_consent_payloads()")) or 0)
