"""Define the outbox of notices: single mails that wait to be sent."""

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mailer.core.db import Base, enum
from mailer.smtp.replies import DeliveryState


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
    IDENTITY = "identity"  # who asks has to be confirmed; the deadline is suspended
    EXTENDED = "extended"
    REFUSED = "refused"
    ANSWERED = "answered"
    GIVEN_UP = "given_up"  # the request was withdrawn: whoever has the mailbox must know
    ERASED = "erased"  # the certificate
    NEW_ADDRESS = "new_address"  # to be confirmed from that mailbox
    ADDRESS_CHANGED = "address_changed"  # to the old one, with the undo
    RESTRICTED = "restricted"
    UNRESTRICTED = "unrestricted"  # sent before the restriction is lifted
    ADDRESS_UNDONE = "address_undone"  # to the new one, that the old one undid it
    ACT_ELSEWHERE = "act_elsewhere"  # to the old one: a right was exercised from the new one
    OBJECTED = "objected"
    RECONFIRM = "reconfirm"  # do you still want this, after 35 months?
    CASE_ALERT = "case_alert"  # to the privacy officer, D-10 and D-3
    LETTER = "letter"  # words written by the privacy officer
    RECIPIENTS = "recipients"  # to the privacy officer: files that hold somebody erased
    BREACH = "breach"  # to the privacy officer: within 72 hours
    # To a bare address, about the tests of a newsletter:
    TESTER = "tester"  # somebody outside is asked whether they want them
    TEST = "test"  # an issue as it would leave, to one of those who read it before


class Priority(IntEnum):
    """Say which notices leave first."""

    URGENT = 0  # somebody looks into their mailbox for it: a confirmation, a link that was asked for
    NORMAL = 1
    BULK = 2  # to many people at once, and nobody waits for it: introductions, reconfirmation


class Notice(Base):
    """Hold one transactional mail of the outbox, written in the transaction that causes it."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_due", "priority", "due_at", postgresql_where="state IN ('pending', 'deferred')"),
        Index("ix_notice_refused_welcome", "subscriber_id", "newsletter_id",
              postgresql_where="kind = 'welcome' AND state = 'refused'"),
        Index("ix_notice_words", "id", postgresql_where="facts ? 'words'"),  # what a person wrote in one
        CheckConstraint("(email IS NULL) = (subscriber_id IS NOT NULL)", name="one_addressee"),
        CheckConstraint("(subscriber_id IS NULL) = (newsletter_id IS NULL)", name="of_a_subscription"),
        CheckConstraint("(email IS NULL) = (locale IS NULL)", name="address_has_locale"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[NoticeKind] = mapped_column(enum(NoticeKind))
    priority: Mapped[int] = mapped_column(SmallInteger)  # a Priority
    subscriber_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("subscriber.id", ondelete="CASCADE"), index=True
    )
    newsletter_id: Mapped[UUID | None] = mapped_column(ForeignKey("newsletter.id"))
    about_id: Mapped[UUID | None] = mapped_column(  # whose data a bare address is that is not theirs now
        ForeignKey("subscriber.id", ondelete="CASCADE"), index=True
    )
    email: Mapped[str | None]  # instead of both: a bare address…
    name: Mapped[str | None]  # …whom to greet there…
    locale: Mapped[str | None]  # …in which language…
    facts: Mapped[dict[str, Any] | None]  # …and what fills the merge fields of the words
    state: Mapped[DeliveryState] = mapped_column(enum(DeliveryState))
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    first_tried: Mapped[datetime | None]
    code: Mapped[int | None] = mapped_column(SmallInteger)
    enhanced: Mapped[str | None]
    reply: Mapped[str | None]
    answers: Mapped[str | None]  # the Message-ID of the mail that caused it, if one did
    created_at: Mapped[datetime]


class Tester(Base):
    """Hold an address that the tests of a newsletter's issues go to, once it is confirmed.

    It is the reason for which they are written to: who asked, what text they agreed to, and when.
    """

    __tablename__ = "tester"
    __table_args__ = (
        UniqueConstraint("newsletter_id", "email"),
        CheckConstraint(
            "confirmed_at IS NULL OR staff OR wording_sha256 IS NOT NULL", name="agreed_to_words"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    newsletter_id: Mapped[UUID] = mapped_column(ForeignKey("newsletter.id"))
    email: Mapped[str] = mapped_column(index=True)
    locale: Mapped[str]
    staff: Mapped[bool]  # somebody of the desk: their account is the reason
    asked_by: Mapped[str]  # a staff id
    asked_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    wording_sha256: Mapped[bytes | None] = mapped_column(ForeignKey("wording.sha256"))


class IssueTest(Base):
    """Record one test: which content of which issue, who asked, to how many, and what became of it."""

    __tablename__ = "issue_test"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    issue_id: Mapped[UUID] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"), index=True)
    newsletter_id: Mapped[UUID] = mapped_column(ForeignKey("newsletter.id"), index=True)
    revision_id: Mapped[bytes] = mapped_column(ForeignKey("revision.sha256"))
    asked_by: Mapped[str]  # a staff id
    at: Mapped[datetime]
    recipients: Mapped[int]
    accepted: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
