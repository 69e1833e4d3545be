"""Append many consent events at once, with two COPYs under one lock of the chain."""

import hashlib
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailer.core import pg_copy
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
_PLACEHOLDER = bytes(range(200, 232))  # a fingerprint that is found again in a text, and replaced


class BulkEvent(NamedTuple):
    """Hold what one event of a batch says of its own."""

    kind: ConsentKind
    fingerprint: bytes
    source: str | None
    consented_at: datetime | None


class Common(NamedTuple):
    """Hold what the events of one batch share."""

    newsletter_id: UUID
    at: datetime
    channel: str
    import_id: UUID | None
    legal_text: str | None = None


class PreparedEvents(NamedTuple):
    """Hold a batch made ready beforehand, in order: only its links need the head of the chain."""

    event_ids: list[bytes]
    digests: list[bytes]  # of their payloads
    payloads: bytes  # as COPY takes them
    expires_at: datetime
    withdrawals: list[decisions.LogEntry]


def prepare(common: Common, events: Sequence[BulkEvent]) -> PreparedEvents:
    """Compute all of these events that does not depend on the head of the chain."""
    event_ids = pg_copy.ids(len(events))
    digests, payloads = _payloads(event_ids, common, events)
    withdrawals = [
        decisions.LogEntry(Decision.WITHDRAWAL, event.fingerprint, common.newsletter_id, common.channel)
        for event in events
        if event.kind is ConsentKind.WITHDRAWN
    ]
    return PreparedEvents(event_ids, digests, payloads, chain.expiry(common.at), withdrawals)


def append(db: Session, prepared: PreparedEvents, *, during: AbstractContextManager[None] = _NOTHING) -> None:
    """Append these events; `during` is the COPY that the server works on while they are linked.

    The chain is locked from here to the commit.  So batches are of some thousands at most: whoever
    unsubscribes meanwhile waits for the lock.
    """
    if not prepared.event_ids:
        return
    head, driver = chain.lock(db), pg_copy.connection(db)
    with during:
        links = _links(head, prepared)
    pg_copy.copy(driver, _EVENTS, links)
    pg_copy.copy(driver, _PAYLOADS, prepared.payloads)
    decisions.write_all(db, prepared.withdrawals)


def anchor(db: Session) -> None:
    """Have this commit wait for the disk, and the head anchored: from time to time, and at the end."""
    db.execute(text("SET LOCAL synchronous_commit TO DEFAULT"))
    last = select(ConsentEvent.seq, ConsentEvent.mac).order_by(ConsentEvent.seq.desc()).limit(1)
    head = db.execute(last).one_or_none()
    if head:
        chain.will_anchor(db, head.seq, head.mac)


def _links(head: Head, prepared: PreparedEvents) -> bytes:
    """Return the rows of the chain, as COPY takes them."""
    link, expiry = chain.linker(prepared.expires_at), pg_copy.instant(prepared.expires_at)
    six, d32, d16 = pg_copy.count(6), pg_copy.DIGEST_SIZE, pg_copy.UUID_SIZE
    rows: list[bytes] = []
    for event_id, digest in zip(prepared.event_ids, prepared.digests, strict=True):
        previous, head = head.mac, link(head, event_id, digest)
        rows += six, d16, event_id, d32, previous, d32, digest, expiry, d32, head.sha256, d32, head.mac
    return b"".join(rows)


def _payloads(
    event_ids: list[bytes], common: Common, events: Sequence[BulkEvent]
) -> tuple[list[bytes], bytes]:
    """Return the digest of each payload, and their rows as COPY takes them."""
    eleven, d32, d16 = pg_copy.count(11), pg_copy.DIGEST_SIZE, pg_copy.SALT_SIZE
    templates, sha256 = _Templates(common), hashlib.sha256
    salts = os.urandom(SALT * len(events))
    digests: list[bytes] = []
    rows: list[bytes] = []
    for number, (event_id, event) in enumerate(zip(event_ids, events, strict=True)):
        salt = salts[number * SALT : number * SALT + SALT]
        before, after, tail = templates.get(event.kind, event.source)
        stamp, field = templates.instant(event.consented_at)
        text_ = b"".join((salt, before, stamp, after[0], event.fingerprint.hex().encode(), after[1]))
        digests.append(sha256(text_).digest())
        rows += eleven, d16, event_id, d16, salt, d32, event.fingerprint, field, tail
    return digests, b"".join(rows)


class _Templates:
    """Make the canonical text and the row once for all events that differ in date and fingerprint alone."""

    def __init__(self, common: Common) -> None:
        self._common = common
        self._templates: dict[tuple[ConsentKind, str | None], tuple[bytes, tuple[bytes, bytes], bytes]] = {}
        self._instants: dict[datetime | None, tuple[bytes, bytes]] = {}

    def get(self, kind: ConsentKind, source: str | None) -> tuple[bytes, tuple[bytes, bytes], bytes]:
        """Return the text before the date, around the fingerprint, and the rest of the row."""
        template = self._templates.get((kind, source))
        if template is None:
            template = self._templates[kind, source] = self._make(kind, source)
        return template

    def instant(self, at: datetime | None) -> tuple[bytes, bytes]:
        """Return a date as the text and as the row have it."""
        both = self._instants.get(at)
        if both is None:
            stamp = "null" if at is None else repr(at.timestamp())
            both = self._instants[at] = stamp.encode(), pg_copy.instant(at)
        return both

    def _make(self, kind: ConsentKind, source: str | None) -> tuple[bytes, tuple[bytes, bytes], bytes]:
        common = self._common
        sample = ConsentPayload(kind=kind, source=source, fingerprint=_PLACEHOLDER, **common._asdict())
        before, _, rest = chain.canonical(sample).encode().partition(b'"consented_at":null')
        middle, _, end = rest.partition(_PLACEHOLDER.hex().encode())
        tail = b"".join((
            pg_copy.text(kind), pg_copy.text(source), pg_copy.sized(common.newsletter_id.bytes),
            pg_copy.instant(common.at), pg_copy.text(common.channel),
            pg_copy.sized(common.import_id.bytes) if common.import_id else pg_copy.NULL,
            pg_copy.text(common.legal_text),
        ))  # fmt: skip
        return before + b'"consented_at":', (middle, end), tail
