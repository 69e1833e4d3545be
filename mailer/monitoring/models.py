"""Define the alarms that are active."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from mailer.core.db import Base


class Alarm(Base):
    """Hold something that needs a person, from when it was found until it is over."""

    __tablename__ = "alarm"

    name: Mapped[str] = mapped_column(primary_key=True)  # kind, or "kind:subject"
    since: Mapped[datetime]
    told_at: Mapped[datetime | None]  # when the alert mail left
