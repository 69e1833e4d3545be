"""Subscribers, what they subscribe to, and the evidence of why."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from mailer.db import Base, enum


class SubscriptionState(StrEnum):
    PENDING = "pending"  # asked for, not confirmed: nothing but the confirmation may be sent
    ACTIVE = "active"
    ENDED = "ended"


class ConsentKind(StrEnum):
    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    IMPORTED = "imported"
    RECTIFIED = "rectified"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    ERASED = "erased"


class SuppressionReason(StrEnum):
    UNSUBSCRIBED_ALL = "unsubscribed_all"
    OBJECTED = "objected"
    ERASED = "erased"
    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"


class DepartureReason(StrEnum):
    TOO_OFTEN = "too_often"
    NOT_FOR_ME = "not_for_me"
    NEVER_ASKED = "never_asked"
    OTHER_ADDRESS = "other_address"
    OTHER = "other"


class Subscriber(Base):
    """A person, known by one mailbox."""

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


class Wording(Base):
    """The exact text shown at sign-up, kept once by version and locale."""

    __tablename__ = "wording"

    sha256: Mapped[bytes] = mapped_column(primary_key=True)
    version: Mapped[str]
    locale: Mapped[str]
    text: Mapped[str]


class ConsentEvent(Base):
    """One link of the chain, for ever: no personal data, only what proves the payload and the order."""

    __tablename__ = "consent_event"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    previous: Mapped[bytes] = mapped_column(unique=True)  # the mac before this one; unique: no fork
    payload_digest: Mapped[bytes]
    expires_at: Mapped[datetime | None]  # of the payload, at the earliest; sealed too: expiry proves itself
    mac: Mapped[bytes]


class ConsentPayload(Base):
    """What happened; deleted by the retention function alone, after its expiry.

    That its event exists is checked once a statement by a trigger: a foreign key would ask row by row.
    """

    __tablename__ = "consent_payload"
    __table_args__ = (
        Index("ix_consent_payload_no", "fingerprint",
              postgresql_where="kind IN ('withdrawn', 'expired', 'erased', 'rectified')"),
        Index("ix_consent_payload_moved", "fingerprint", postgresql_where="moved_to IS NOT NULL"),
    )  # fmt: skip

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    salt: Mapped[bytes]
    fingerprint: Mapped[bytes] = mapped_column(index=True)
    newsletter_id: Mapped[UUID]
    kind: Mapped[ConsentKind] = mapped_column(enum(ConsentKind))
    at: Mapped[datetime]
    channel: Mapped[str]  # form, link, one-click, import, terminal
    form_version: Mapped[str | None]
    wording_sha256: Mapped[bytes | None] = mapped_column(ForeignKey("wording.sha256"))
    source: Mapped[str | None]  # where an imported yes or no comes from…
    consented_at: Mapped[datetime | None]  # …and when it was said there
    import_id: Mapped[UUID | None]
    legal_text: Mapped[str | None]  # what an import for a public task rests on
    moved_from: Mapped[bytes | None]  # of a change of address: the fingerprint whose file goes on here…
    moved_to: Mapped[bytes | None]  # …or under which this file goes on


class Subscription(Base):
    """One person × one newsletter, and the event that allows writing to them.

    That all three exist is checked by triggers, once a statement; who deletes the person takes this along.
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
    """An address never to be written to, known by its keyed fingerprint alone."""

    __tablename__ = "suppression"

    fingerprint: Mapped[bytes] = mapped_column(primary_key=True)
    reason: Mapped[SuppressionReason] = mapped_column(enum(SuppressionReason))
    at: Mapped[datetime]
    asked_at: Mapped[datetime | None]  # when a form last had this mailbox asked for a fresh consent


class SignupRequest(Base):
    """What a sign-up form received, kept until a worker has decided.

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
    """An address that a link to its preferences was asked for, kept until a worker has decided."""

    __tablename__ = "preferences_request"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    email: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)


class Throttle(Base):
    """How often something was done lately, under a keyed name."""

    __tablename__ = "throttle"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    used: Mapped[int]
    until: Mapped[datetime] = mapped_column(index=True)  # when the count begins anew


class Departure(Base):
    """Why people left, for those who said: counted by day, so that it names nobody."""

    __tablename__ = "departure"

    newsletter_id: Mapped[UUID] = mapped_column(ForeignKey("newsletter.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[DepartureReason] = mapped_column(enum(DepartureReason), primary_key=True)
    count: Mapped[int]


class ImportState(StrEnum):
    CHECKING = "checking"  # a dry run, to be done or under way
    CHECKED = "checked"  # waiting for a person to say go
    RUNNING = "running"  # also after a kill: it goes on where it was
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"
    FAILED = "failed"


class Import(Base):
    """One file taken over into one newsletter, and how far it is: committed with each of its chunks."""

    __tablename__ = "subscriber_import"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    newsletter_id: Mapped[UUID] = mapped_column(ForeignKey("newsletter.id"), index=True)
    state: Mapped[ImportState] = mapped_column(enum(ImportState))
    by: Mapped[str]  # a staff id, or terminal
    file_name: Mapped[str]
    sha256: Mapped[bytes]
    records: Mapped[int]
    preset: Mapped[str]
    columns: Mapped[dict[str, Any]]  # {"roles": [[header, role or null], …]}
    source: Mapped[str]
    legal_text: Mapped[str | None]
    consented_at: Mapped[datetime | None]
    locale: Mapped[str]
    done: Mapped[int] = mapped_column(default=0)  # records dealt with: done = new + known + refused
    new: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    reasons: Mapped[dict[str, Any]] = mapped_column(default=dict)  # refused, by reason
    undone: Mapped[int] = mapped_column(default=0)
    seconds: Mapped[float] = mapped_column(default=0.0)
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ImportReport(Base):
    """What became of each row of a chunk: lines of `number outcome`."""

    __tablename__ = "import_report"

    import_id: Mapped[UUID] = mapped_column(
        ForeignKey("subscriber_import.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lines: Mapped[str]


class ImportFile(Base):
    """A file sent from the desk, in pieces, until its import is over."""

    __tablename__ = "import_file"

    import_id: Mapped[UUID] = mapped_column(
        ForeignKey("subscriber_import.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[bytes]


class JournalPosition(Base):
    """How far a host's journal of wills went when the transaction that wrote in it last committed."""

    __tablename__ = "journal_position"

    host: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    seal: Mapped[str]  # of the last line


class Restoration(Base):
    """That this database may be served and sent from, since when, and what had to be made good first.

    No backup holds a row of this table: a restored database is disarmed until a person arms it.
    """

    __tablename__ = "restoration"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    at: Mapped[datetime]
    backed_up_at: Mapped[datetime | None]  # None: not restored, made new
    positions: Mapped[dict[str, Any]]  # of each host's journal, in the backup: {host: [size, seal]}
    replayed_at: Mapped[datetime | None]
    report: Mapped[dict[str, Any] | None]
    armed_at: Mapped[datetime | None]
