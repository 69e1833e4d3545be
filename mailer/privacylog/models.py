"""Hold how far each host's log of decisions went."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from mailer.core.db import Base


class JournalPosition(Base):
    """How far a host's journal of wills went when the transaction that wrote in it last committed."""

    __tablename__ = "privacylog_position"

    host: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    seal: Mapped[str]  # of the last line
