"""Show staff the imported people whom no introduction reached, by reason, and do what they choose.

No letter goes to them before one has: without this they would be left out for ever, in no list.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session

from mailer.core import audit
from mailer.imports.introductions import given_up, of_this_import, uninformed
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox
from mailer.notices.models import Notice, NoticeKind
from mailer.smtp.replies import DeliveryState, Refusal, refusal_of
from mailer.subscribers import bulk as people
from mailer.subscribers.consent import bulk
from mailer.subscribers.consent.bulk import BulkEvent, Common
from mailer.subscribers.consent.models import ConsentKind
from mailer.subscribers.eligibility import PASSING, UNDELIVERABLE
from mailer.subscribers.models import Subscriber, Subscription
from mailer.subscribers.recipients import recipient

SHOWN = 100  # addresses of one reason
CHUNK = 1_000  # people whose events are appended at once


@dataclass
class RefusedGroup:
    """Hold the people of one newsletter whom introductions did not reach, for one reason."""

    newsletter_id: UUID
    newsletter: str
    reason: Refusal
    reply: str  # what a relay said of one of them
    addresses: list[str] = field(default_factory=list)
    subscriptions: list[UUID] = field(default_factory=list)


def groups(db: Session) -> list[RefusedGroup]:
    """Return them by newsletter and reason, the largest group first."""
    found: dict[tuple[UUID, Refusal], RefusedGroup] = {}
    for row in db.execute(_refused().order_by(Subscriber.email)):
        reason = refusal_of(row.code or 0, row.enhanced or "")
        said = " ".join(str(part) for part in (row.code, row.enhanced, row.reply) if part)
        group = found.setdefault(
            (row.newsletter_id, reason), RefusedGroup(row.newsletter_id, row.newsletter, reason, said)
        )
        group.addresses.append(row.email)
        group.subscriptions.append(row.id)
    return sorted(found.values(), key=lambda group: -len(group.addresses))


def count(db: Session) -> int:
    """Return how many people wait for somebody to choose."""
    return db.scalar(select(func.count()).select_from(_waiting().subquery())) or 0


def retry(db: Session, newsletter_id: UUID, reason: Refusal, *, by: str, now: datetime) -> int:
    """Introduce these people again, at once; return how many."""
    group = _group(db, newsletter_id, reason)
    outbox.introduce_all(db, group, now=now)
    _audit(db, "introductions retry", by, now, newsletter_id, reason=reason.value, rows=len(group))
    return len(group)


def drop(db: Session, newsletter_id: UUID, reason: Refusal, *, by: str, now: datetime) -> int:
    """End these subscriptions, as staff's act and no no of the person's; return how many.

    A file with a better address, or their own sign-up, brings them back.
    """
    group = _group(db, newsletter_id, reason)
    for at in range(0, len(group), CHUNK):
        _end(db, newsletter_id, group[at : at + CHUNK], now)
    _audit(db, "introductions drop", by, now, newsletter_id, reason=reason.value, rows=len(group))
    return len(group)


def is_to_be_judged() -> ColumnElement[bool]:
    """Return the condition that a notice says why somebody was not reached who still waits for it."""
    refused = (Notice.kind == NoticeKind.WELCOME) & (Notice.state == DeliveryState.REFUSED)
    theirs = Subscription.subscriber_id == Notice.subscriber_id
    same = Subscription.newsletter_id == Notice.newsletter_id
    return refused & exists().where(theirs, same, *uninformed())


def _end(db: Session, newsletter_id: UUID, subscriptions: Sequence[UUID], now: datetime) -> None:
    marks = (
        select(Subscriber.fingerprint)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(Subscription.id.in_(subscriptions))
        .order_by(Subscription.id)
    )
    events = [BulkEvent(ConsentKind.EXPIRED, mark, None, None) for mark in db.scalars(marks)]
    bulk.append(db, bulk.prepare(Common(newsletter_id, now, UNDELIVERABLE, None), events))
    people.end(db, subscriptions, at=now)


def _group(db: Session, newsletter_id: UUID, reason: Refusal) -> list[UUID]:
    """Return the subscriptions of one group, locked: nobody leaves while they are decided upon."""
    found = [g for g in groups(db) if (g.newsletter_id, g.reason) == (newsletter_id, reason)]
    mine = Subscription.id.in_([each for group in found for each in group.subscriptions])
    locked = select(Subscription.id).where(mine, *uninformed()).order_by(Subscription.id).with_for_update()
    return list(db.scalars(locked))


def _waiting() -> Select[UUID]:
    """Select the subscriptions that were tried enough, and of which nothing is under way.

    PostgreSQL is made to begin with the refusals, which are few: after an import all others are uninformed,
    too, and it cannot tell how few of them `recipient` leaves.
    """
    refusals = (Notice.kind == NoticeKind.WELCOME, Notice.state == DeliveryState.REFUSED)
    some = select(Notice.subscriber_id, Notice.newsletter_id).where(*refusals).distinct().subquery()
    theirs = Subscription.subscriber_id == some.c.subscriber_id
    under_way = of_this_import(Notice.state.not_in((DeliveryState.WITHHELD, DeliveryState.REFUSED)))
    tried = (
        select(Subscription.id)
        .join(some, theirs & (Subscription.newsletter_id == some.c.newsletter_id))
        .where(*uninformed(), ~exists().where(*under_way), given_up())
        .cte("tried")
        .prefix_with("MATERIALIZED")
    )
    rows = recipient()
    joined = select(tried.c.id).join(rows, rows.c.subscription_id == tried.c.id)
    return joined.where(rows.c.withheld.in_(PASSING))


def _refused() -> Select[UUID, UUID, str, str, int | None, str | None, str | None]:
    """Select each of them with what the last relay said."""
    last = (
        select(Notice.id)
        .where(*of_this_import(Notice.state == DeliveryState.REFUSED))
        .order_by(Notice.created_at.desc())
        .limit(1)
        .correlate(Subscription)
        .scalar_subquery()
    )
    return (
        select(
            Subscription.id, Subscription.newsletter_id, Newsletter.name.label("newsletter"),
            Subscriber.email, Notice.code, Notice.enhanced, Notice.reply,
        )
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .join(Newsletter, Newsletter.id == Subscription.newsletter_id)
        .join(Notice, Notice.id == last)
        .where(Subscription.id.in_(_waiting()))
    )  # fmt: skip


def _audit(
    db: Session, what: str, by: str, now: datetime, newsletter_id: UUID, **details: object
) -> None:  # fmt: skip
    if details["rows"]:
        audit.record(db, who=by, what=what, details={"newsletter": str(newsletter_id), **details}, now=now)
