"""Create and find newsletters."""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.address import InvalidAddress, normalise
from mailer.core.i18n import Explained
from mailer.newsletters.models import Newsletter

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


RESERVED = frozenset({
    "accessibility", "assets", "back", "confirm", "desk", "healthz", "legal", "login", "logout", "metrics",
    "preferences", "privacy", "readyz", "rights", "static", "u",
})  # fmt: skip


class UnknownNewsletter(Explained):
    """Say that no newsletter has this slug."""

    sentences = "newsletters", "refused"

    def __init__(self, slug: str) -> None:
        super().__init__("unknown", slug=slug)


class NewsletterRefused(Explained, ValueError):
    """Tell why a newsletter cannot be created as it was asked for."""

    sentences = "newsletters", "refused"


def create_newsletter(db: Session, *, slug: str, now: datetime, **presentation: Any) -> Newsletter:
    """Create a newsletter.  Raises NewsletterRefused."""
    if not _SLUG.fullmatch(slug) or slug in RESERVED:
        raise NewsletterRefused("slug", slug=slug)
    for name in ("name", "from_name", "description"):
        if not presentation[name].isprintable():
            raise NewsletterRefused("one_line", field=name)
    for name in ("from_address", "reply_to"):
        try:
            presentation[name] = normalise(presentation[name])
        except InvalidAddress:
            raise NewsletterRefused(name, address=presentation[name]) from None
    if newsletter(db, slug):
        raise NewsletterRefused("taken", slug=slug)
    created = Newsletter(slug=slug, created_at=now, **presentation)
    db.add(created)
    db.flush()
    return created


def newsletters(db: Session) -> list[Newsletter]:
    """Return all of them, by name."""
    return list(db.scalars(select(Newsletter).order_by(Newsletter.name)))


def newsletter(db: Session, slug: str) -> Newsletter | None:
    """Return the one with this slug."""
    return db.scalar(select(Newsletter).where(Newsletter.slug == slug))
