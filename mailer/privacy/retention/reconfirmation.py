"""Ask people silent for years whether they stay, and erase those who do not answer (RGPD 5(1)e).

They are asked once, a month before the end.  A positive act is a consent, an import of one, a new address,
or a right exercised behind a link that asks to go on; opening an issue is none.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from dateutil.relativedelta import relativedelta
from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session

from mailer.core import jobs
from mailer.core.settings import settings
from mailer.core.tokens import Purpose
from mailer.notices import outbox
from mailer.notices.models import NoticeKind
from mailer.privacy.models import Channel, Right, RightsRequest
from mailer.privacy.rights import erasure
from mailer.rendering.typography import long_day
from mailer.subscribers import subscribers, subscriptions
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload, Wording
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState
from mailer.subscribers.recipients import receives, recipient

RECONFIRM, INACTIVE = "reconfirm", "inactive"
CHANNEL = "retention"
PATH = "/still/"
NOTICE = relativedelta(months=1)  # between the question and the end
OPEN_FOR = timedelta(days=92)  # the link in it; the end comes first
CHUNK = 50  # people a transaction
_ACTS = (ConsentKind.CONFIRMED, ConsentKind.IMPORTED, ConsentKind.RECTIFIED)  # a request may be anybody's
_LEAVING = (Right.OBJECTION, Right.WITHDRAWAL, Right.ERASURE)


def to_ask(db: Session, now: datetime) -> int:
    """Return how many are to be asked."""
    return _count(db, _silent_since(now).where(*_before_the_end()))


def ask(db: Session, now: datetime) -> int:
    """Ask some of them, once; return how many."""
    chunk = _silent_since(now).where(*_before_the_end(), jobs.to_try(RECONFIRM, Subscriber.id)).limit(CHUNK)
    found = _locked(db, chunk)
    for subscriber, acted in found:
        with jobs.row(RECONFIRM, subscriber.id, db):
            _ask(db, subscriber, acted, now)
    return len(found)


def _ask(db: Session, subscriber: Subscriber, acted: datetime, now: datetime) -> None:
    subscribers.note_reconfirmation(subscriber, now=now)
    end = max(acted + _years(), now + NOTICE)
    facts = {
        "since": _day(acted, subscriber), "until": _day(end, subscriber), "link": PATH,
        "letters": ", ".join(subscribers.newsletter_names(db, subscriber.id)),
        "purpose": Purpose.RECONFIRM, "of": subscriber.id.hex,
    }  # fmt: skip
    outbox.post(
        db, NoticeKind.RECONFIRM, email=subscriber.email, name=subscriber.name, locale=subscriber.locale,
        facts=facts, now=now,
    )  # fmt: skip


def due(db: Session, now: datetime) -> int:
    """Return how many are to be erased."""
    return _count(db, _silent_since(now).where(*_after_the_end(now)))


def end(db: Session, now: datetime) -> int:
    """Erase some of them; return how many."""
    chunk = _silent_since(now).where(*_after_the_end(now), jobs.to_try(INACTIVE, Subscriber.id)).limit(CHUNK)
    found = _locked(db, chunk)
    for subscriber, _ in found:
        with jobs.row(INACTIVE, subscriber.id, db):
            fingerprint, emails = subscriber.fingerprint, {subscriber.email}
            erasure.forget(db, fingerprint, emails, never_again=False, now=now, channel=CHANNEL)
    return len(found)


def go_on(db: Session, subscriber_id: UUID, wording: Wording, *, now: datetime) -> bool:
    """Record that somebody still wants what they receive, as worded; return False if there is nothing."""
    subscriber = subscribers.locked(db, subscriber_id)
    if subscriber is None:
        return False
    active = Subscription.subscriber_id == subscriber_id, Subscription.state == SubscriptionState.ACTIVE
    found = db.scalars(select(Subscription).where(*active).with_for_update()).all()
    for subscription in found:
        subscriptions.reaffirm(db, subscription, subscriber, wording=wording, now=now)
    return bool(found)


def _years() -> relativedelta:
    return relativedelta(years=settings().retention_years)


def _acted() -> Any:
    """Return when somebody's last positive act was."""
    said = (
        select(func.max(func.coalesce(ConsentPayload.consented_at, ConsentPayload.at)))
        .where(ConsentPayload.fingerprint == Subscriber.fingerprint, ConsentPayload.kind.in_(_ACTS))
        .scalar_subquery()
    )
    asked = (
        select(func.max(RightsRequest.received_at))
        .where(
            RightsRequest.fingerprint == Subscriber.fingerprint,
            RightsRequest.channel == Channel.LINK,
            RightsRequest.right.not_in(_LEAVING),
        )
        .scalar_subquery()
    )
    return func.greatest(func.coalesce(said, Subscriber.created_at), asked)


def _silent_since(now: datetime) -> Select[Subscriber, datetime]:
    """Select whom to ask or to erase: nobody restricted (RGPD 18), or with a sign-up to be confirmed."""
    last = now - _years() + NOTICE
    acted: ColumnElement[datetime] = _acted()
    free = Subscriber.restricted_at.is_(None), ~_may_confirm()
    return select(Subscriber, acted.label("acted")).where(*free, acted <= last)


def _before_the_end() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions to be asked: not asked since their last act, and somebody we write to."""
    asked = Subscriber.reconfirm_asked_at
    return or_(asked.is_(None), asked < _acted()), _written_to()


def _after_the_end(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions to be erased: their time is over, and they were asked if we write to them."""
    asked = Subscriber.reconfirm_asked_at
    in_time = (asked >= _acted()) & (asked <= now - NOTICE)
    return _acted() <= now - _years(), or_(~_written_to(), in_time)


def _may_confirm() -> ColumnElement[bool]:
    mine = Subscription.subscriber_id == Subscriber.id
    return exists().where(mine, Subscription.state == SubscriptionState.PENDING)


def _written_to() -> ColumnElement[bool]:
    now = recipient()
    return exists().where(now.c.subscriber_id == Subscriber.id, receives(now))


def _locked(db: Session, query: Select[*tuple[Any, ...]]) -> list[tuple[Subscriber, datetime]]:
    rows = db.execute(query.with_for_update(of=Subscriber, skip_locked=True))
    return [(row[0], row[1]) for row in rows]


def _count(db: Session, query: Select[*tuple[Any, ...]]) -> int:
    return db.scalar(select(func.count()).select_from(query.subquery())) or 0


def _day(at: datetime, subscriber: Subscriber) -> str:
    return long_day(at.astimezone(settings().zone).date(), subscriber.locale)
