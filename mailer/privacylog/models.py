"""Hold how far each host's privacy log goes."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from mailer.core.db import Base


class HostPosition(Base):
    """Record how far a host's file went when the last transaction that wrote there committed."""

    __tablename__ = "privacylog_position"

    host: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    seal: Mapped[str]  # of the last line
