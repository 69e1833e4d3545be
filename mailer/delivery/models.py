"""The ledger, the heartbeats of those who write in it, and the notices' outbox."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mailer.core.db import Base, enum
from mailer.smtp.providers import OTHER
from mailer.smtp.replies import DeliveryState
from mailer.subscribers.eligibility import Withheld


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
        Index("ix_delivery_due", "issue_id", "provider", "due_at", "position",
              postgresql_where="state IN ('pending', 'deferred')"),
        Index("ix_delivery_handed", "worker", postgresql_where="state = 'handed'"),
        Index("ix_delivery_unknown", "issue_id", postgresql_where="state = 'unknown'"),
        Index("ix_delivery_suspect", "issue_id", postgresql_where="state = 'deferred' AND code >= 500"),
    )  # fmt: skip

    issue_id: Mapped[UUID] = mapped_column(primary_key=True)  # triggers check that the issue exists…
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # 1..audience
    subscriber_id: Mapped[UUID | None] = mapped_column(ForeignKey("subscriber.id", ondelete="SET NULL"))
    consent_id: Mapped[UUID | None]  # …and the consent event
    provider: Mapped[str] = mapped_column(
        server_default=OTHER
    )  # the mailbox provider, so that each has its pace
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


class ResolutionKind(StrEnum):
    PROVED = "proved"  # the relay's own log shows that it took them
    LEFT = "left"  # staff let them be
    RESENT = "resent"  # staff accept that some people may get two copies
    RETRIED = "retried"  # suspect refusals: staff say to try again
    REFUSED = "refused"  # suspect refusals: staff take them as they are


class Resolution(Base):
    """Say what was decided about an issue's unknown or suspect deliveries, and by whom."""

    __tablename__ = "resolution"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    issue_id: Mapped[UUID] = mapped_column(ForeignKey("issue.id"), index=True)
    kind: Mapped[ResolutionKind] = mapped_column(enum(ResolutionKind))
    rows: Mapped[int]
    by: Mapped[str]  # a staff id, or "terminal"
    at: Mapped[datetime]
    wording: Mapped[str | None]  # of the refusals that are taken as they are, from then on
