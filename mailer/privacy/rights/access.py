"""Collect what is held about one person, from every table that knows them (RGPD 15).

Who among staff did something is left out: that is about staff.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from mailer.core.db import Base
from mailer.core.fingerprint import fingerprint_of
from mailer.delivery.models import Delivery
from mailer.issues.models import Issue
from mailer.newsletters.models import Newsletter
from mailer.notices.models import Notice, Tester
from mailer.privacy.models import AddressChange, RightsEvent, RightsIntake, RightsLink, RightsRequest
from mailer.subscribers.consent import consent_file
from mailer.subscribers.consent.consent_file import ConsentRecord
from mailer.subscribers.models import PreferencesRequest, SignupRequest, Subscriber, Subscription, Suppression

Row = dict[str, Any]
SECRET = frozenset({"link", "purpose", "of", "test", "tester", "staff"})  # of a notice's facts: keys of ours


@dataclass(frozen=True)
class HeldData:
    """Hold everything kept under one address: its consent record, and the rows of each table in order."""

    email: str
    drawn_at: datetime
    consent: ConsentRecord
    tables: dict[str, list[Row]]
    newsletters: dict[str, Row]  # by id: name, slug, legal_basis

    @property
    def empty(self) -> bool:
        return self.consent.empty and not any(self.tables.values())

    @property
    def subscriber(self) -> Row | None:
        return next(iter(self.tables[Subscriber.__tablename__]), None)


@dataclass(frozen=True)
class _Table:
    """Say which columns of a table are given, and which column tells the person's rows."""

    table: type[Base]
    key: str
    given: tuple[str, ...]
    order: str


_SOURCES = (
    _Table(Subscriber, "fingerprint", ("email", "name", "locale", "paused_until", "restricted_at", "lift_at",
                                        "address_since", "reconfirm_asked_at", "directives",
                                        "created_at"), "created_at"),
    _Table(Subscription, "subscriber_id", ("newsletter_id", "state", "consent_id", "informed_at",
                                            "changed_at"), "changed_at"),
    _Table(Suppression, "fingerprint", ("reason", "at", "asked_at"), "at"),
    _Table(Delivery, "subscriber_id", ("issue_id", "position", "consent_id", "state", "due_at", "attempts",
                                        "first_tried", "withheld", "code", "enhanced", "reply",
                                        "changed_at"), "changed_at"),
    _Table(RightsRequest, "fingerprint", ("id", "number", "right", "channel", "name", "email", "locale",
                                           "received_at", "acknowledged_at", "due_on", "extended_at",
                                           "extension_reason", "paused_at", "closed_at", "outcome",
                                           "refusal_reason", "forget_at"), "number"),
    _Table(RightsLink, "fingerprint", ("locale", "created_at", "lasts_until", "expires_at", "used_at",
                                       "session_until"), "created_at"),
    _Table(AddressChange, "subscriber_id", ("old_email", "new_email", "asked_at", "waits_until",
                                             "expires_at", "confirmed_at", "undone_at"), "asked_at"),
    _Table(RightsIntake, "email", ("email", "locale", "at"), "at"),
    _Table(SignupRequest, "email", ("email", "name", "locale", "newsletter_id", "form_version", "at"), "at"),
    _Table(Tester, "email", ("newsletter_id", "email", "locale", "asked_at", "confirmed_at"), "asked_at"),
    _Table(PreferencesRequest, "email", ("email", "at"), "at"),
)  # fmt: skip


def draw(db: Session, email: str, now: datetime) -> HeldData:
    """Return everything held under a normalised address."""
    fingerprint = fingerprint_of(email)
    subscriber_id = db.scalar(select(Subscriber.id).where(Subscriber.fingerprint == fingerprint))
    known = {"email": email, "fingerprint": fingerprint, "subscriber_id": subscriber_id}
    tables = {source.table.__tablename__: _rows(db, source, known) for source in _SOURCES}
    tables[Notice.__tablename__] = _notices(db, email, subscriber_id)
    tables[RightsEvent.__tablename__] = _events(db, fingerprint)
    _title(db, tables[Delivery.__tablename__])
    listed = {str(each.id): each for each in db.scalars(select(Newsletter))}
    names = {each.id: each.name for each in listed.values()}
    return HeldData(
        email, now, consent_file.draw(db, email, names, now=now), tables,
        {of: {"name": n.name, "slug": n.slug, "legal_basis": n.legal_basis} for of, n in listed.items()},
    )  # fmt: skip


def _rows(db: Session, source: _Table, known: dict[str, Any]) -> list[Row]:
    table = source.table.__table__
    mine = table.c[source.key] == known[source.key]
    if known[source.key] is None:
        return []
    columns = [table.c[name] for name in source.given]
    return _rows_of(db, select(*columns).where(mine).order_by(table.c[source.order]))


def _notices(db: Session, email: str, subscriber_id: UUID | None) -> list[Row]:
    """Return single mails: to the subscriber, to the bare address, and to those they had before."""
    columns: Sequence[InstrumentedAttribute[Any]] = (
        Notice.kind, Notice.newsletter_id, Notice.email, Notice.name, Notice.locale, Notice.facts,
        Notice.state, Notice.attempts, Notice.first_tried, Notice.code, Notice.enhanced, Notice.reply,
        Notice.answers, Notice.created_at,
    )  # fmt: skip
    theirs: ColumnElement[bool] = (Notice.email == email) & Notice.about_id.is_(None)
    if subscriber_id:
        theirs = or_(theirs, Notice.subscriber_id == subscriber_id, Notice.about_id == subscriber_id)
    rows = _rows_of(db, select(*columns).where(theirs).order_by(Notice.created_at))
    for row in rows:
        row["facts"] = {name: value for name, value in (row["facts"] or {}).items() if name not in SECRET}
    return rows


def _events(db: Session, fingerprint: bytes) -> list[Row]:
    """Return the history of their cases, without who did it."""
    columns = RightsRequest.number, RightsEvent.at, RightsEvent.what, RightsEvent.details
    joined = select(*columns).join(RightsRequest, RightsRequest.id == RightsEvent.request_id)
    return _rows_of(db, joined.where(RightsRequest.fingerprint == fingerprint).order_by(RightsEvent.id))


def _title(db: Session, deliveries: list[Row]) -> None:
    """Add to each delivery the title and newsletter of its issue."""
    ids = {row["issue_id"] for row in deliveries}
    titles = {each.id: each for each in db.execute(
        select(Issue.id, Issue.title, Issue.newsletter_id).where(Issue.id.in_(ids)))}  # fmt: skip
    for row in deliveries:
        row["title"], row["newsletter_id"] = (
            titles[row["issue_id"]].title,
            titles[row["issue_id"]].newsletter_id,
        )


def _rows_of(db: Session, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in db.execute(query).mappings()]
