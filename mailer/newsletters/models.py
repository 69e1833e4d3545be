"""Hold the newsletters: what one can subscribe to, and how it presents itself by mail."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.dialects.postgresql import JSONB
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
    accent: Mapped[str] = mapped_column(default="")  # #rrggbb; "": the theme's
    ground: Mapped[str] = mapped_column(default="")  # the same, of the page around the blocks
    logo: Mapped[str] = mapped_column(default="")  # "<sha256>.<ext>" of an image, "" for none
    signature: Mapped[str] = mapped_column(default="")  # lines under the last block
    footer: Mapped[str] = mapped_column(default="")  # lines of its own above what the law asks for
    rubrics: Mapped[list[Any]] = mapped_column(JSONB, default=list)  # usual blocks: {"kind", "title"}
    revision: Mapped[int] = mapped_column(default=1)  # raised by each change: two editors are told apart
    paused_at: Mapped[datetime | None]  # no issue of it leaves: of somebody's consent there is no proof
