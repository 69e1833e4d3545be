"""Hold the newsletters: what one can subscribe to, and how it presents itself by mail."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy.orm import Mapped, mapped_column

from mailer.core.db import Base, enum


class LegalBasis(StrEnum):
    """Name on what ground of RGPD 6 people are written to."""

    CONSENT = "consent"
    PUBLIC_TASK = "public_task"


class Theme(StrEnum):
    """Name how pages and mails look."""

    NEUTRAL = "neutral"
    DSFR = "dsfr"  # for authorised State bodies, who bring their own logo


class Newsletter(Base):
    """Hold a publication one signs up to, and how it presents itself by mail."""

    __tablename__ = "newsletter"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str]
    locale: Mapped[str]
    theme: Mapped[Theme] = mapped_column(enum(Theme))
    legal_basis: Mapped[LegalBasis] = mapped_column(enum(LegalBasis))
    from_name: Mapped[str]
    from_address: Mapped[str]
    reply_to: Mapped[str]
    return_path_domain: Mapped[str]
    created_at: Mapped[datetime]
    paused_at: Mapped[datetime | None]  # no issue of it leaves: of somebody's consent there is no proof
