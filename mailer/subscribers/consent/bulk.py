"""Many consent events at once: sealed in one go, copied in two, under one lock of the chain."""

import hashlib
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailer.core import copy
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.subscribers.consent import chain
from mailer.subscribers.consent.chain import SALT, Head
from mailer.subscribers.consent.models import ConsentEvent, ConsentKind, ConsentPayload

_EVENTS = (
    "COPY consent_event (id, previous, payload_digest, expires_at, sha256, mac) FROM STDIN (FORMAT BINARY)"
)
_PAYLOADS = """
COPY consent_payload (event_id, salt, fingerprint, consented_at,
    kind, source, newsletter_id, at, channel, import_id, legal_text) FROM STDIN (FORMAT BINARY)
"""
_NOTHING = nullcontext()
_MARK = bytes(range(200, 232))  # stands for a fingerprint in a text whose holes are filled later


class Said(NamedTuple):
    """One event among many: what differs from the others."""

    kind: ConsentKind
    mark: bytes
    source: str | None
    said_at: datetime | None


class Common(NamedTuple):
    """What the events of one batch share."""

    newsletter_id: UUID
    at: datetime
    channel: str
    import_id: UUID | None
    legal_text: str | None = None


class Draft(NamedTuple):
    """Events made ready beforehand, in order: only their links need the head of the chain."""

    event_ids: list[bytes]
    digests: list[bytes]  # of their payloads
    payloads: bytes  # as COPY takes them
    expires_at: datetime
    noes: list[decisions.LogEntry]


def draft(common: Common, said: Sequence[Said]) -> Draft:
    """Make these events ready to be appended."""
    event_ids = copy.ids(len(said))
    digests, payloads = _payloads(event_ids, common, said)
    noes = [
        decisions.LogEntry(Decision.WITHDRAWAL, one.mark, common.newsletter_id, common.channel)
        for one in said
        if one.kind is ConsentKind.WITHDRAWN
    ]
    return Draft(event_ids, digests, payloads, chain.expiry(common.at), noes)


def append(db: Session, ready: Draft, *, during: AbstractContextManager[None] = _NOTHING) -> None:
    """Append these events; `during`: what the server is given to do while they are linked.

    The chain is locked from here to the commit: some thousands at a time, so that nobody's way out waits.
    """
    if not ready.event_ids:
        return
    head, driver = chain.lock(db), copy.connection(db)
    with during:
        links = _links(head, ready)
    copy.copy(driver, _EVENTS, links)
    copy.copy(driver, _PAYLOADS, ready.payloads)
    decisions.write_all(db, ready.noes)


def anchor(db: Session) -> None:
    """Wait for the disk at this commit, and anchor the head: from time to time, and at the end."""
    db.execute(text("SET LOCAL synchronous_commit TO DEFAULT"))
    last = select(ConsentEvent.seq, ConsentEvent.mac).order_by(ConsentEvent.seq.desc()).limit(1)
    head = db.execute(last).one_or_none()
    if head:
        chain.will_anchor(db, head.seq, head.mac)


def _links(head: Head, ready: Draft) -> bytes:
    """Return the rows of the chain."""
    link, expiry = chain.linker(ready.expires_at), copy.instant(ready.expires_at)
    six, d32, d16 = copy.count(6), copy.DIGEST_SIZE, copy.UUID_SIZE
    rows: list[bytes] = []
    for event_id, digest in zip(ready.event_ids, ready.digests, strict=True):
        previous, head = head.mac, link(head, event_id, digest)
        rows += six, d16, event_id, d32, previous, d32, digest, expiry, d32, head.sha256, d32, head.mac
    return b"".join(rows)


def _payloads(event_ids: list[bytes], common: Common, said: Sequence[Said]) -> tuple[list[bytes], bytes]:
    """Return the digest of each payload, and their rows."""
    eleven, d32, d16 = copy.count(11), copy.DIGEST_SIZE, copy.SALT_SIZE
    shape, sha256 = _Shapes(common), hashlib.sha256
    salts = os.urandom(SALT * len(said))
    digests: list[bytes] = []
    rows: list[bytes] = []
    for number, (event_id, one) in enumerate(zip(event_ids, said, strict=True)):
        salt = salts[number * SALT : number * SALT + SALT]
        before, after, tail = shape.of(one.kind, one.source)
        stamp, field = shape.instant(one.said_at)
        told = b"".join((salt, before, stamp, after[0], one.mark.hex().encode(), after[1]))
        digests.append(sha256(told).digest())
        rows += eleven, d16, event_id, d16, salt, d32, one.mark, field, tail
    return digests, b"".join(rows)


class _Shapes:
    """The canonical text and the row of an event, made once for all that differ in their holes alone."""

    def __init__(self, common: Common) -> None:
        self._common = common
        self._shapes: dict[tuple[ConsentKind, str | None], tuple[bytes, tuple[bytes, bytes], bytes]] = {}
        self._instants: dict[datetime | None, tuple[bytes, bytes]] = {}

    def of(self, kind: ConsentKind, source: str | None) -> tuple[bytes, tuple[bytes, bytes], bytes]:
        """Return the text before the date, around the fingerprint, and the rest of the row."""
        shape = self._shapes.get((kind, source))
        if shape is None:
            shape = self._shapes[kind, source] = self._shape(kind, source)
        return shape

    def instant(self, at: datetime | None) -> tuple[bytes, bytes]:
        """Return a date as the text and as the row have it."""
        both = self._instants.get(at)
        if both is None:
            stamp = "null" if at is None else repr(at.timestamp())
            both = self._instants[at] = stamp.encode(), copy.instant(at)
        return both

    def _shape(self, kind: ConsentKind, source: str | None) -> tuple[bytes, tuple[bytes, bytes], bytes]:
        common = self._common
        sample = ConsentPayload(kind=kind, source=source, fingerprint=_MARK, **common._asdict())
        before, _, rest = chain.canonical(sample).encode().partition(b'"consented_at":null')
        middle, _, end = rest.partition(_MARK.hex().encode())
        tail = b"".join((
            copy.text(kind), copy.text(source), copy.sized(common.newsletter_id.bytes),
            copy.instant(common.at), copy.text(common.channel),
            copy.sized(common.import_id.bytes) if common.import_id else copy.NULL,
            copy.text(common.legal_text),
        ))  # fmt: skip
        return before + b'"consented_at":', (middle, end), tail
