"""The ledger, the heartbeats of those who write in it, and the notices' outbox."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mailer.db import Base, enum
from mailer.sending.rules import OTHER, DeliveryState, Withheld


class Delivery(Base):
    """One issue × one subscriber.  Outlives the subscriber: the ledger still adds up after an erasure."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "issue_id"),  # in this order: it also finds a subscriber's rows
        CheckConstraint("state NOT IN ('handed', 'accepted', 'refused', 'unknown') OR consent_id IS NOT NULL",
                        name="written_to_on_a_consent"),
        CheckConstraint("(state = 'withheld') = (withheld IS NOT NULL)", name="withheld_for_a_reason"),
        CheckConstraint("(state = 'handed') = (worker IS NOT NULL)", name="handed_to_a_worker"),
        CheckConstraint("state <> 'deferred' OR due_at IS NOT NULL", name="deferred_until"),
        Index("ix_delivery_due", "issue_id", "lane", "due_at", "position",
              postgresql_where="state IN ('pending', 'deferred')"),
        Index("ix_delivery_handed", "worker", postgresql_where="state = 'handed'"),
        Index("ix_delivery_unknown", "issue_id", postgresql_where="state = 'unknown'"),
    )  # fmt: skip

    issue_id: Mapped[UUID] = mapped_column(primary_key=True)  # triggers check that the issue exists…
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # 1..audience
    subscriber_id: Mapped[UUID | None] = mapped_column(ForeignKey("subscriber.id", ondelete="SET NULL"))
    consent_id: Mapped[UUID | None]  # …and the consent event
    lane: Mapped[str] = mapped_column(server_default=OTHER)  # the mailbox provider, so that each has its pace
    state: Mapped[DeliveryState] = mapped_column(enum(DeliveryState))
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    first_tried: Mapped[datetime | None]
    faults: Mapped[int] = mapped_column(SmallInteger, default=0)  # times in flight when the relay broke off
    worker: Mapped[UUID | None]
    fence: Mapped[int] = mapped_column(BigInteger, default=0)  # +1 at each claim: an old claim cannot record
    withheld: Mapped[Withheld | None] = mapped_column(enum(Withheld))
    code: Mapped[int | None] = mapped_column(SmallInteger)
    enhanced: Mapped[str | None]
    reply: Mapped[str | None]  # scrubbed
    changed_at: Mapped[datetime]


class Heartbeat(Base):
    """A process that is alive, and since when.  Times are the database's own: hosts' clocks differ."""

    __tablename__ = "heartbeat"

    worker: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]  # sender (holds rows), letters or notices (a Celery worker), beat
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    suspected_at: Mapped[datetime | None]  # silent when the sweep last looked


class Hold(Base):
    """What the send stays away from for a while: the relay, a lane, or itself without a journal."""

    __tablename__ = "hold"

    name: Mapped[str] = mapped_column(primary_key=True)  # "relay", "journal", "dkim", or a lane
    failures: Mapped[int]
    since: Mapped[datetime]
    until: Mapped[datetime]
    reason: Mapped[str]  # scrubbed


class Route(Base):
    """Whose mailboxes a domain's are, as its mail exchangers told."""

    __tablename__ = "route"

    domain: Mapped[str] = mapped_column(primary_key=True)
    lane: Mapped[str]
    asked_at: Mapped[datetime]


class Alarm(Base):
    """Something that asks for a person, from when it was found until it is over."""

    __tablename__ = "alarm"

    name: Mapped[str] = mapped_column(primary_key=True)  # kind, or "kind:subject"
    since: Mapped[datetime]
    told_at: Mapped[datetime | None]  # when the alert mail left


class ResolutionKind(StrEnum):
    PROVED = "proved"  # the relay's own log shows that it took them
    LEFT = "left"  # staff let them be
    RESENT = "resent"  # staff accept that some people may get two copies


class Resolution(Base):
    """What was decided about an issue's unknown deliveries, and by whom."""

    __tablename__ = "resolution"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    issue_id: Mapped[UUID] = mapped_column(ForeignKey("issue.id"), index=True)
    kind: Mapped[ResolutionKind] = mapped_column(enum(ResolutionKind))
    rows: Mapped[int]
    by: Mapped[str]  # a staff id, or "terminal"
    at: Mapped[datetime]


class NoticeKind(StrEnum):
    CONFIRMATION = "confirmation"
    WELCOME = "welcome"
    GOODBYE = "goodbye"
    ALREADY = "already"  # to whoever signs up again
    PREFERENCES = "preferences"  # the link one asked for
    # To a bare address, about its rights (RGPD 12):
    RIGHTS = "rights"  # the fresh link
    NOTHING_HELD = "nothing_held"
    RECEIPT = "receipt"  # a case is open
    IDENTITY = "identity"  # who is asking is in doubt; the clock rests
    EXTENDED = "extended"
    REFUSED = "refused"
    ANSWERED = "answered"
    ERASED = "erased"  # the certificate
    NEW_ADDRESS = "new_address"  # to be confirmed from that mailbox
    ADDRESS_CHANGED = "address_changed"  # to the old one, with the undo
    RESTRICTED = "restricted"
    UNRESTRICTED = "unrestricted"  # told before the restriction is lifted
    OBJECTED = "objected"
    RECONFIRM = "reconfirm"  # do you still want this, after 35 months?
    CASE_ALERT = "case_alert"  # to the privacy officer, D-10 and D-3
    LETTER = "letter"  # words written by the privacy officer
    RECIPIENTS = "recipients"  # to the privacy officer: files that hold somebody erased
    BREACH = "breach"  # to the privacy officer: its 72 hours run


class Notice(Base):
    """A single transactional mail waiting to leave: the outbox, written in its cause's own transaction."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_due", "due_at", postgresql_where="state IN ('pending', 'deferred')"),
        CheckConstraint("(email IS NULL) = (subscriber_id IS NOT NULL)", name="one_addressee"),
        CheckConstraint("(subscriber_id IS NULL) = (newsletter_id IS NULL)", name="of_a_subscription"),
        CheckConstraint("(email IS NULL) = (locale IS NULL)", name="address_has_locale"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[NoticeKind] = mapped_column(enum(NoticeKind))
    subscriber_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("subscriber.id", ondelete="CASCADE"), index=True
    )
    newsletter_id: Mapped[UUID | None] = mapped_column(ForeignKey("newsletter.id"))
    email: Mapped[str | None]  # instead of both: a bare address…
    name: Mapped[str | None]  # …whom to greet there…
    locale: Mapped[str | None]  # …in which language…
    facts: Mapped[dict[str, Any] | None]  # …and what fills the holes of the words
    state: Mapped[DeliveryState] = mapped_column(enum(DeliveryState))
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    first_tried: Mapped[datetime | None]
    code: Mapped[int | None] = mapped_column(SmallInteger)
    reply: Mapped[str | None]
    answers: Mapped[str | None]  # the Message-ID of the mail that caused it, if one did
    created_at: Mapped[datetime]
