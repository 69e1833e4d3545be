"""Create and find newsletters."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mailer.core.address import InvalidAddress, normalise
from mailer.core.after_commit import Task, wake
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


def pause(db: Session, newsletter_id: UUID, *, now: datetime) -> None:
    """Let no issue of it leave, from this commit on, until a person resumes it."""
    leaving = Newsletter.id == newsletter_id, Newsletter.paused_at.is_(None)
    db.execute(update(Newsletter).where(*leaving).values(paused_at=now))


def resume(db: Session, newsletter: Newsletter) -> bool:
    """Let its issues leave again; return False if it was not paused."""
    if newsletter.paused_at is None:
        return False
    newsletter.paused_at = None
    wake(db, Task.TICK)
    return True


def paused(db: Session) -> list[Newsletter]:
    """Return those of which no issue leaves, by name."""
    return list(
        db.scalars(select(Newsletter).where(Newsletter.paused_at.is_not(None)).order_by(Newsletter.name))
    )


def newsletters(db: Session) -> list[Newsletter]:
    """Return all of them, by name."""
    return list(db.scalars(select(Newsletter).order_by(Newsletter.name)))


def newsletter(db: Session, slug: str) -> Newsletter | None:
    """Return the one with this slug."""
    return db.scalar(select(Newsletter).where(Newsletter.slug == slug))
