"""Hold what was learnt about the domains that are written to."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from mailer.core.db import Base


class Route(Base):
    """Say whose mailboxes a domain's are, as its mail exchangers told."""

    __tablename__ = "provider_domain"

    domain: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    asked_at: Mapped[datetime]
