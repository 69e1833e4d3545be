"""Record breaches of personal data (RGPD 33(5)), and count the 72 hours to notify them (33(1)).

The privacy officer is told when one is recorded, and a day before the 72 hours end.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core import csv_writer, jobs
from mailer.core.settings import settings
from mailer.notices import outbox
from mailer.notices.models import NoticeKind
from mailer.privacy.models import Breach, RightsRequest
from mailer.rendering.typography import long_instant
from mailer.subscribers.models import Subscriber, Subscription

JOB = "breaches"
REMIND_BEFORE = timedelta(hours=24)
WITHIN = timedelta(hours=72)  # of having become aware; weekends count (Regulation 1182/71, 3(1))


class ClosedBreach(Exception):
    """Say that a breach is closed: its record is not changed."""


class NotYetHappened(Exception):
    """Say that a date is in the future, or before the breach was known."""


def record(db: Session, *, what: str, aware_at: datetime, now: datetime) -> Breach:
    """Open the record of a breach and tell the officer.  `aware_at`: when one became sure of it.

    Raises NotYetHappened.
    """
    if aware_at > now:
        raise NotYetHappened
    breach = Breach(what=what, aware_at=aware_at, recorded_at=now)
    db.add(breach)
    db.flush()
    _tell(db, breach, now)
    return breach


def remind(db: Session, *, now: datetime) -> int:
    """Remind of each whose last day has begun, and that is neither notified nor closed; return how many.

    For one that was recorded on its last day, the first notice was the reminder.
    """
    open_ = Breach.notified_at.is_(None), Breach.closed_at.is_(None), Breach.reminded_at.is_(None)
    near = Breach.aware_at <= now - WITHIN + REMIND_BEFORE, jobs.to_try(JOB, Breach.id)
    found = db.scalars(select(Breach).where(*open_, *near).with_for_update(skip_locked=True)).all()
    for breach in found:
        with jobs.row(JOB, breach.id, db):
            _tell(db, breach, now)
    return len(found)


def _tell(db: Session, breach: Breach, now: datetime) -> None:
    config, left = settings(), due(breach) - now
    if left <= REMIND_BEFORE:
        breach.reminded_at = now
    facts = {
        "number": str(breach.number), "words": breach.what,
        "received": long_instant(breach.aware_at.astimezone(config.zone), config.default_locale),
        "due": long_instant(due(breach).astimezone(config.zone), config.default_locale),
        "left": str(max(left // timedelta(hours=1), 0)),
    }  # fmt: skip
    outbox.post(
        db, NoticeKind.BREACH, email=config.dpo_email, locale=config.default_locale, facts=facts, now=now
    )


def due(breach: Breach) -> datetime:
    """Return by when the authority must be notified, unless nobody is at risk."""
    return breach.aware_at + WITHIN


def notified(db: Session, breach: Breach, *, at: datetime, people: bool, now: datetime) -> None:
    """Record that the authority was notified, or the people themselves (34).

    Raises ClosedBreach, NotYetHappened.
    """
    if breach.closed_at:
        raise ClosedBreach
    if not breach.aware_at <= at <= now:
        raise NotYetHappened
    if people:
        breach.people_told_at = at
    else:
        breach.notified_at = at
    db.flush()


def close(db: Session, breach: Breach, *, conclusion: str, now: datetime) -> None:
    """Close the record with its effects and remedies and, if the authority was not notified, why.

    Raises ClosedBreach.
    """
    if breach.closed_at:
        raise ClosedBreach
    breach.closed_at, breach.conclusion = now, conclusion
    db.flush()


def find(db: Session, number: int) -> Breach | None:
    """Return the breach of this number, locked."""
    return db.scalar(select(Breach).where(Breach.number == number).with_for_update())


def listing(db: Session) -> list[Breach]:
    """Return all, the newest first."""
    return list(db.scalars(select(Breach).order_by(Breach.number.desc())))


def affected(db: Session, newsletter_id: UUID | None = None) -> Iterator[tuple[str, str]]:
    """Yield (address, language) of everybody whose address is held, or of a newsletter's people alone."""
    people = select(Subscriber.email, Subscriber.locale)
    if newsletter_id:
        people = people.join(Subscription, Subscription.subscriber_id == Subscriber.id)
        people = people.where(Subscription.newsletter_id == newsletter_id)
    else:
        asked = select(RightsRequest.email, RightsRequest.locale).where(RightsRequest.email.is_not(None))
        known = asked.where(RightsRequest.email.not_in(select(Subscriber.email))).distinct()
        yield from ((row[0] or "", row[1]) for row in db.execute(known.order_by(RightsRequest.email)))
    found = db.execute(people.order_by(Subscriber.email).execution_options(yield_per=5_000))
    yield from ((row[0], row[1]) for row in found)


def write(rows: Iterator[tuple[str, str]], file: IO[str]) -> int:
    """Write them as a CSV; return how many."""
    add, written = csv_writer.begun(file, ("email", "locale")), 0
    for row in rows:
        add(row)
        written += 1
    return written
