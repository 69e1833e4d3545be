"""Hold how far each host's privacy log goes, and which of its lines have yet to be made good."""

from uuid import UUID, uuid4

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from mailer.core.db import Base


class HostPosition(Base):
    """Record how far a host's file went when the last transaction that wrote there committed."""

    __tablename__ = "privacylog_position"

    host: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    seal: Mapped[str]  # of the last line


class LogGap(Base):
    """Point to lines whose transaction did not commit, and which others follow: they are to be made good."""

    __tablename__ = "privacylog_gap"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    host: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)  # bytes before them
    seal: Mapped[str]  # of the line before them
    until: Mapped[int] = mapped_column(BigInteger)  # bytes up to their end
