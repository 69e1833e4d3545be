"""Write recipients by the hundred thousand straight into the tables, each with a valid consent event."""

import secrets
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import psycopg
from sqlalchemy.orm import Session

from mailer.core.db import engine, transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.delivery import follow
from mailer.demo.sample_people import Person, sample
from mailer.subscribers.consent import chain
from mailer.subscribers.consent.models import ConsentEvent, ConsentKind, ConsentPayload
from mailer.subscribers.models import SubscriptionState

CHUNK = 10_000
_TABLES = {
    "subscriber": ("id", "email", "fingerprint", "name", "locale", "created_at"),
    "consent_event": ("id", "previous", "payload_digest", "sha256", "mac"),
    "consent_payload": ("event_id", "salt", "fingerprint", "newsletter_id", "kind", "at", "channel", "source",
                        "consented_at"),
    "subscription": ("id", "subscriber_id", "newsletter_id", "state", "consent_id", "changed_at",
                     "informed_at"),
}  # fmt: skip
_Rows = dict[str, list[tuple[Any, ...]]]


class SampleSubscribers:
    """Invent subscribers, none of them twice."""

    def __init__(self) -> None:
        self._people = sample(sys.maxsize)

    def subscribe(self, newsletter_id: UUID, count: int) -> None:
        """So many more people on a newsletter, as an import would leave them."""
        with follow.bar(count, f"subscribing {count:,}") as drawn:
            for _ in range(0, count, CHUNK):
                people = list(islice(self._people, min(CHUNK, count - drawn.pos)))
                with transaction() as db:
                    _copy(db, _rows(db, newsletter_id, people, utcnow()))
                drawn.update(len(people))
        with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")  # as autovacuum does within a minute of such an import


def _rows(db: Session, newsletter_id: UUID, people: list[Person], now: datetime) -> _Rows:
    """The rows of four tables, in the order their foreign keys ask for."""
    rows: _Rows = {table: [] for table in _TABLES}
    for person, event, payload in _consents(db, newsletter_id, people, now):
        someone = uuid4()
        rows["subscriber"].append((someone, person.email, payload.fingerprint, person.name, "fr", now))
        rows["consent_event"].append(
            (event.id, event.previous, event.payload_digest, event.sha256, event.mac)
        )
        rows["consent_payload"].append((
            event.id, payload.salt, payload.fingerprint, newsletter_id, payload.kind, payload.at,
            payload.channel, payload.source, payload.consented_at,
        ))  # fmt: skip
        rows["subscription"].append(
            (uuid4(), someone, newsletter_id, SubscriptionState.ACTIVE, event.id, now, now)
        )
    return rows


def _consents(
    db: Session, newsletter_id: UUID, people: list[Person], now: datetime
) -> Iterator[tuple[Person, ConsentEvent, ConsentPayload]]:
    """An imported consent each, linked to the one before; event and payload are only valid until the next."""
    head, link = chain.lock(db), chain.linker(None)
    event = ConsentEvent()
    payload = ConsentPayload(
        newsletter_id=newsletter_id, kind=ConsentKind.IMPORTED, at=now, channel="import", source="bench",
        consented_at=now - timedelta(days=30),
    )  # fmt: skip
    for person in people:
        payload.fingerprint, payload.salt = fingerprint_of(person.email), secrets.token_bytes(16)
        event.id, event.previous, event.payload_digest = uuid4(), head.mac, chain.payload_digest(payload)
        head = link(head, event.id.bytes, event.payload_digest)
        event.mac, event.sha256 = head
        yield person, event, payload


def _copy(db: Session, rows: _Rows) -> None:
    connection = db.connection().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        raise TypeError(connection)
    for table, columns in _TABLES.items():
        with connection.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows[table]:
                copy.write_row(row)
