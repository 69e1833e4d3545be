"""Files given away: a newsletter's subscribers, and the report of an import.  Written as they stream."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core import csv_writer
from mailer.core.i18n import Locale, words
from mailer.core.settings import settings
from mailer.imports.decide import KNOWN, NEW
from mailer.imports.messages import sentence
from mailer.rendering.local_time import day_or_instant
from mailer.subscribers.consent.given import given
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.models import Subscriber, Subscription
from mailer.subscribers.recipients import receives, recipient

COLUMNS = ("email", "name", "locale", "status", "consented_at", "source")
PAGE = 2_000  # rows


def write_subscribers(db: Session, newsletter_id: UUID, file: IO[str], *, everybody: bool = False) -> int:
    """Write those whom letters go to, or everybody with their state; how many."""
    add, written = csv_writer.begun(file, COLUMNS), 0
    for row in _subscribers(db, newsletter_id, everybody=everybody):
        add(row)
        written += 1
    return written


def _subscribers(db: Session, newsletter_id: UUID, *, everybody: bool) -> Iterator[Sequence[str]]:
    query = (
        select(Subscription.id, Subscription.state, Subscriber.email, Subscriber.name, Subscriber.locale,
               ConsentPayload.consented_at, ConsentPayload.at, ConsentPayload.source)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .outerjoin(ConsentPayload, ConsentPayload.event_id == given(Subscription.consent_id))
        .where(Subscription.newsletter_id == newsletter_id)
        .order_by(Subscription.id)
    )  # fmt: skip
    if not everybody:
        now = recipient()
        query = query.join(now, now.c.subscription_id == Subscription.id).where(receives(now))
    zone = settings().zone
    for row in db.execute(query.execution_options(yield_per=PAGE)):
        said_at = row.consented_at or row.at
        date = day_or_instant(said_at, zone) if said_at else ""
        yield row.email, row.name or "", row.locale, row.state.value, date, row.source or ""


def report_writer(file: IO[str], lang: Locale) -> Callable[[Sequence[object]], object]:
    """Begin the report of an import; the function that adds a row to it."""
    return csv_writer.begun(file, words("imports", lang)["report"]["columns"])


def reported(rows: Iterable[tuple[int, str]], lang: Locale) -> Iterator[tuple[int, str, str]]:
    """Yield each row as the report says it."""
    said = words("imports", lang)["report"]
    for line, outcome in rows:
        if outcome in {NEW, KNOWN}:
            yield line, said[outcome], ""
        else:
            yield line, said["refused"], sentence(outcome, lang)
