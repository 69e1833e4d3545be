"""Hold the register: requests, their history, links to exercise rights, and breaches."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from mailer.core.db import Base, enum


class Right(StrEnum):
    """Name what is asked for, by article of the RGPD."""

    ACCESS = "access"  # 15
    PORTABILITY = "portability"  # 20
    RECTIFICATION = "rectification"  # 16
    ERASURE = "erasure"  # 17
    RESTRICTION = "restriction"  # 18
    OBJECTION = "objection"  # 21
    WITHDRAWAL = "withdrawal"  # 7(3)
    DIRECTIVES = "directives"  # after death: loi Informatique et Libertés, article 85
    UNCLEAR = "unclear"  # a mail that a person must read


class Channel(StrEnum):
    """Name how a request came."""

    LINK = "link"  # self-service, behind a fresh link
    EMAIL = "email"
    POST = "post"
    PHONE = "phone"
    DESK = "desk"  # in person, or staff's own initiative
    TERMINAL = "terminal"


class Outcome(StrEnum):
    """Name how a case ended."""

    GRANTED = "granted"
    NOTHING_HELD = "nothing_held"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"  # the person gave it up
    UNIDENTIFIED = "unidentified"  # asked who they are, they did not say


class RightsIntake(Base):
    """Keep an address that asked for a rights link until a worker has decided.

    Every address, known or not, costs the form this one row: the answer and its timing say nothing.
    """

    __tablename__ = "rights_intake"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    email: Mapped[str]
    locale: Mapped[str]
    at: Mapped[datetime]
    due_at: Mapped[datetime] = mapped_column(index=True)  # later than `at` when too many came at once


class RightsLink(Base):
    """Hold a link sent to a mailbox, valid once and for half an hour, and the short session it opens.

    The link's token is its signed id, dated when its mail left: what the database holds opens nothing without
    the service's key.
    """

    __tablename__ = "rights_link"
    __table_args__ = (CheckConstraint("(used_at IS NULL) = (session_digest IS NULL)", name="used_opens"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    email: Mapped[str]  # the mailbox it was sent to; goes with the row, a day later
    fingerprint: Mapped[bytes] = mapped_column(index=True)
    locale: Mapped[str]
    created_at: Mapped[datetime]
    lasts_until: Mapped[datetime | None]  # of the last that could leave: when another can
    expires_at: Mapped[datetime] = mapped_column(index=True)  # however late its mail left
    used_at: Mapped[datetime | None]
    session_digest: Mapped[bytes | None] = mapped_column(unique=True)  # SHA-256 of the cookie's secret
    session_until: Mapped[datetime | None]


class RightsRequest(Base):
    """Hold one request as a case, with its deadline (RGPD 12(3))."""

    __tablename__ = "rights_request"
    __table_args__ = (
        CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name="closed_with_an_outcome"),
        CheckConstraint("(extended_at IS NULL) = (extension_reason IS NULL)", name="extended_for_a_reason"),
        CheckConstraint("(outcome = 'refused') <= (refusal_reason IS NOT NULL)", name="refused_for_a_reason"),
        Index("ix_rights_request_open", "due_on", postgresql_where="closed_at IS NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)  # what people quote
    right: Mapped[Right] = mapped_column(enum(Right))
    channel: Mapped[Channel] = mapped_column(enum(Channel))
    fingerprint: Mapped[bytes | None] = mapped_column(index=True)  # None: by post, without an address
    email: Mapped[str | None]  # to answer to; gone once the case is closed and its last mail has left
    name: Mapped[str | None]
    locale: Mapped[str]
    received_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    due_on: Mapped[date]  # the last day, in the settings' time zone
    extended_at: Mapped[datetime | None]
    extension_reason: Mapped[str | None]
    paused_at: Mapped[datetime | None]  # since when proof of identity is awaited; the clock is stopped
    closed_at: Mapped[datetime | None]
    outcome: Mapped[Outcome | None] = mapped_column(enum(Outcome))
    refusal_reason: Mapped[str | None]
    handler: Mapped[str | None]  # a staff id, "terminal", or "service"
    message_id: Mapped[str | None] = mapped_column(unique=True)  # of the mail that opened it
    forget_at: Mapped[datetime | None]  # when the case itself goes


class RightsEvent(Base):
    """Hold one step in a case's history."""

    __tablename__ = "rights_event"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("rights_request.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    what: Mapped[str]  # opened, acknowledged, paused, resumed, extended, told, refused, closed …
    by: Mapped[str]  # a staff id, "terminal", "service", or "person"
    details: Mapped[dict[str, Any]]


class AddressChange(Base):
    """Hold a new address that its mailbox has not confirmed, or that the old mailbox may still undo.

    It waits to be asked of the new mailbox while an earlier change of theirs may be undone.
    """

    __tablename__ = "address_change"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    subscriber_id: Mapped[UUID] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"), index=True)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("rights_request.id", ondelete="CASCADE"), index=True)
    old_email: Mapped[str]
    new_email: Mapped[str]
    asked_at: Mapped[datetime]
    waits_until: Mapped[datetime | None]  # the new mailbox is asked then; None: it was
    expires_at: Mapped[datetime] = mapped_column(index=True)  # of the confirmation, then of the undo
    confirmed_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]


class Breach(Base):
    """Hold the record of a breach of personal data (RGPD 33(5))."""

    __tablename__ = "breach"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    what: Mapped[str]  # what happened, to which data; names nobody
    aware_at: Mapped[datetime]  # from here the 72 hours run
    recorded_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None]  # the officer, of what is left of the 72 hours
    notified_at: Mapped[datetime | None]  # the authority
    people_told_at: Mapped[datetime | None]  # RGPD 34
    closed_at: Mapped[datetime | None]
    conclusion: Mapped[str | None]  # effects, remedies; why not notified, if not
