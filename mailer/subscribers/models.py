"""Hold subscribers, what they subscribe to, suppressions, and what forms received."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from mailer.core.db import Base, enum


class SubscriptionState(StrEnum):
    """Name where one person stands with one newsletter."""

    PENDING = "pending"  # asked for, not confirmed: nothing but the confirmation may be sent
    ACTIVE = "active"
    ENDED = "ended"


class SuppressionReason(StrEnum):
    """Name why an address is never written to."""

    UNSUBSCRIBED_ALL = "unsubscribed_all"
    OBJECTED = "objected"
    ERASED = "erased"
    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"


class DepartureReason(StrEnum):
    """Name why somebody left, as they said."""

    TOO_OFTEN = "too_often"
    NOT_FOR_ME = "not_for_me"
    NEVER_ASKED = "never_asked"
    OTHER_ADDRESS = "other_address"
    OTHER = "other"


class Subscriber(Base):
    """Hold a person, known by one mailbox."""

    __tablename__ = "subscriber"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    email: Mapped[str] = mapped_column(unique=True)  # as address.normalise gives it
    fingerprint: Mapped[bytes] = mapped_column(unique=True)
    name: Mapped[str | None]
    locale: Mapped[str]
    paused_until: Mapped[datetime | None]  # no letter before; the beginning of a day, where staff schedule
    restricted_at: Mapped[datetime | None]  # RGPD 18: kept, and neither written to, nor changed, nor purged…
    lift_at: Mapped[datetime | None]  # …until then, where staff are to end it and the person has been told
    address_since: Mapped[datetime | None]  # when another address became this one: older links are dead
    reconfirm_asked_at: Mapped[datetime | None]  # whether they still want this, after years of silence
    directives: Mapped[str | None]  # for after their death (loi Informatique et Libertés, 85)
    created_at: Mapped[datetime]


class Subscription(Base):
    """Hold one person × one newsletter, and the event that allows writing to them.

    Triggers check once a statement that all three exist; whoever deletes the person deletes this too.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        UniqueConstraint("newsletter_id", "subscriber_id"),
        CheckConstraint("(state = 'active') = (consent_id IS NOT NULL)", name="active_has_consent"),
        Index(
            "ix_subscription_uninformed", "id", postgresql_where="state = 'active' AND informed_at IS NULL"
        ),
        Index("ix_subscription_pending", "changed_at", postgresql_where="state = 'pending'"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    subscriber_id: Mapped[UUID] = mapped_column(index=True)
    newsletter_id: Mapped[UUID]
    state: Mapped[SubscriptionState] = mapped_column(enum(SubscriptionState))
    consent_id: Mapped[UUID | None]
    informed_at: Mapped[datetime | None]  # RGPD 13, 14: None while an imported person was not told
    changed_at: Mapped[datetime]
    subscriber: Mapped[Subscriber] = relationship(
        primaryjoin=lambda: foreign(Subscription.subscriber_id) == Subscriber.id, lazy="raise"
    )


class Suppression(Base):
    """Hold an address that is never written to, by its keyed fingerprint alone."""

    __tablename__ = "suppression"

    fingerprint: Mapped[bytes] = mapped_column(primary_key=True)
    reason: Mapped[SuppressionReason] = mapped_column(enum(SuppressionReason))
    at: Mapped[datetime]
    asked_at: Mapped[datetime | None]  # when a form last had this mailbox asked for a fresh consent


class SignupRequest(Base):
    """Keep what a sign-up form received until a worker has decided.

    Every address, known or not, costs the form this one row: the answer and its timing say nothing.
    """

    __tablename__ = "signup_request"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    newsletter_id: Mapped[UUID] = mapped_column(ForeignKey("newsletter.id"))
    email: Mapped[str]
    name: Mapped[str | None]
    locale: Mapped[str]
    form_version: Mapped[str]
    wording_sha256: Mapped[bytes] = mapped_column(ForeignKey("wording.sha256"))
    at: Mapped[datetime]
    due_at: Mapped[datetime] = mapped_column(index=True)  # later than `at` when too many came at once


class PreferencesRequest(Base):
    """Keep an address that asked for a link to its preferences until a worker has decided."""

    __tablename__ = "preferences_request"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    email: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)


class Departure(Base):
    """Count by day why people left, as far as they said: it names nobody."""

    __tablename__ = "departure"

    newsletter_id: Mapped[UUID] = mapped_column(ForeignKey("newsletter.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[DepartureReason] = mapped_column(enum(DepartureReason), primary_key=True)
    count: Mapped[int]
