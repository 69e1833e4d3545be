"""Files given away: a newsletter's subscribers, and the report of an import."""

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.export_file import Cell, Table
from mailer.core.i18n import Locale, words
from mailer.imports.decide import KNOWN, NEW
from mailer.imports.messages import sentence
from mailer.subscribers.consent.given import given
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.models import Subscriber, Subscription
from mailer.subscribers.recipients import receives, recipient

COLUMNS = ("email", "name", "locale", "status", "consented_at", "source")
PAGE = 2_000  # rows


def subscribers(db: Session, newsletter_id: UUID, *, everybody: bool = False) -> Table:
    """Return those whom letters go to, or everybody with their state."""
    return Table(COLUMNS, _subscribers(db, newsletter_id, everybody=everybody))


def _subscribers(db: Session, newsletter_id: UUID, *, everybody: bool) -> Iterator[Sequence[Cell]]:
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
    for row in db.execute(query.execution_options(yield_per=PAGE)):
        said_at = row.consented_at or row.at
        yield row.email, row.name, row.locale, row.state.value, said_at, row.source


def report(rows: Iterable[tuple[int, str]], lang: Locale) -> Table:
    """Return what became of every row of an import."""
    return Table(report_columns(lang), reported(rows, lang))


def report_columns(lang: Locale) -> Sequence[str]:
    """Return the names of a report's columns."""
    columns: Sequence[str] = words("imports", lang)["report"]["columns"]
    return columns


def reported(rows: Iterable[tuple[int, str]], lang: Locale) -> Iterator[tuple[int, str, str]]:
    """Yield each row as the report says it."""
    said = words("imports", lang)["report"]
    for line, outcome in rows:
        if outcome in {NEW, KNOWN}:
            yield line, said[outcome], ""
        else:
            yield line, said["refused"], sentence(outcome, lang)
