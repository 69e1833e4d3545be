"""Hold staff accounts, and who is logged in."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from mailer.core.db import Base


class Staff(Base):
    """Hold somebody who may use the desk, unless the account is disabled."""

    __tablename__ = "staff"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str]  # argon2id; empty: a restore took it away, and no password opens the account
    epoch: Mapped[int] = mapped_column(default=0)  # raised to end every session opened before
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class StaffSession(Base):
    """Hold one login: the browser has its secret, the table only the secret's digest."""

    __tablename__ = "staff_session"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    digest: Mapped[bytes] = mapped_column(unique=True)  # SHA-256
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    epoch: Mapped[int]  # of the account, when its password was verified
    browser: Mapped[str]  # "Firefox, Linux": for its owner to know it by
    opened_at: Mapped[datetime] = mapped_column(index=True)
    seen_at: Mapped[datetime]
