"""Write people and their subscriptions by the thousand, as an import decided."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from mailer.core import pg_copy
from mailer.subscribers.models import SubscriptionState

_SUBSCRIBERS = """
COPY subscriber (id, fingerprint, email, name, locale, created_at) FROM STDIN (FORMAT BINARY)
"""
_SUBSCRIPTIONS = """
COPY subscription (id, subscriber_id, consent_id, newsletter_id, state, changed_at, informed_at)
FROM STDIN (FORMAT BINARY)
"""
_REACTIVATE = """
UPDATE subscription u SET state = 'active', consent_id = i.consent, changed_at = %(now)s,
    informed_at = %(informed)s
FROM unnest(%(ids)b::uuid[], %(consents)b::uuid[]) AS i (id, consent)
WHERE u.id = i.id
"""
_END = """
UPDATE subscription SET state = 'ended', consent_id = NULL, changed_at = %(now)s
WHERE id = ANY(%(ids)b) AND state = 'active'
"""


class Newcomer(Protocol):
    """Say what is written of somebody new."""

    @property
    def mark(self) -> bytes: ...
    @property
    def email(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def locale(self) -> str: ...


def subscriber_rows(people: Sequence[Newcomer], *, at: datetime) -> tuple[list[bytes], bytes]:
    """Return an id for each of them, and their rows, as COPY takes them."""
    six, d16, d32, now = pg_copy.count(6), pg_copy.UUID_SIZE, pg_copy.DIGEST_SIZE, pg_copy.instant(at)
    keys = pg_copy.ids(len(people))
    rows: list[bytes] = []
    for key, p in zip(keys, people, strict=True):
        rows += (
            six,
            d16,
            key,
            d32,
            p.mark,
            pg_copy.text(p.email),
            pg_copy.text(p.name),
            pg_copy.text(p.locale),
            now,
        )
    return keys, b"".join(rows)


def subscription_rows(
    agreed: Sequence[tuple[bytes, bytes]], *, newsletter_id: UUID, at: datetime, informed_at: datetime | None
) -> bytes:
    """Return the rows, as COPY takes them, of (a person's id, the id of the event that allows writing)."""
    seven, d16 = pg_copy.count(7), pg_copy.UUID_SIZE
    newsletter, active = pg_copy.sized(newsletter_id.bytes), pg_copy.text(SubscriptionState.ACTIVE)
    tail = newsletter + active + pg_copy.instant(at) + pg_copy.instant(informed_at)
    rows: list[bytes] = []
    for key, (subscriber_id, event_id) in zip(pg_copy.ids(len(agreed)), agreed, strict=True):
        rows += seven, d16, key, d16, subscriber_id, d16, event_id, tail
    return b"".join(rows)


def adding_subscribers(db: Session, rows: bytes) -> AbstractContextManager[None]:
    """Add people; the body of the `with` runs while the server takes them."""
    return pg_copy.copying(pg_copy.connection(db), _SUBSCRIBERS, rows)


def add_subscriptions(db: Session, rows: bytes) -> None:
    """Add subscriptions, whose people and events exist already."""
    pg_copy.copy(pg_copy.connection(db), _SUBSCRIPTIONS, rows)


def take_up_again(
    db: Session, agreed: Iterable[tuple[UUID, bytes]], *, at: datetime, informed_at: datetime | None
) -> None:
    """Make these subscriptions active again, each with the id of the event that allows it."""
    ids, consents = zip(*agreed, strict=True)
    values = {"ids": list(ids), "consents": [UUID(bytes=event) for event in consents],
              "now": at, "informed": informed_at}  # fmt: skip
    pg_copy.connection(db).execute(_REACTIVATE, values, prepare=False)


def end(db: Session, subscription_ids: Sequence[UUID], *, at: datetime) -> None:
    """End the active ones of these subscriptions; their events are in the chain already."""
    values = {"ids": list(subscription_ids), "now": at}
    pg_copy.connection(db).execute(_END, values, prepare=False)
