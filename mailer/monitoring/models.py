"""Define alarms, and what was told of them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from mailer.core.db import Base, enum


class Alarm(Base):
    """Hold something that needs a person, from when it began until a while after it is over."""

    __tablename__ = "alarm"
    __table_args__ = (
        Index("uq_alarm_standing", "name", unique=True, postgresql_where="resolved_at IS NULL"),
        CheckConstraint("(acknowledged_at IS NULL) = (acknowledged_by IS NULL)",
                        name="acknowledged_by_somebody"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str]  # "kind:subject"
    kind: Mapped[str]
    subject: Mapped[str]
    facts: Mapped[dict[str, Any]]  # what fills its sentence, as it was last found
    since: Mapped[datetime]
    tell_at: Mapped[datetime]  # nobody is told before: a start, or a restart, raises no alarm
    seen_at: Mapped[datetime]  # when it was last found
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]  # a staff id
    resolved_at: Mapped[datetime | None]


class AlarmChannel(StrEnum):
    MAIL = "mail"  # to the alert address
    POST = "post"  # to the alert URL


class AlarmMessage(Base):
    """Say when an alarm was last told over a channel, and when it was told there to be over."""

    __tablename__ = "alarm_message"

    alarm_id: Mapped[UUID] = mapped_column(ForeignKey("alarm.id", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[AlarmChannel] = mapped_column(enum(AlarmChannel), primary_key=True)
    told_at: Mapped[datetime | None]
    resolution_told_at: Mapped[datetime | None]
