"""Create and find newsletters."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mailer.core.after_commit import Task, wake
from mailer.core.i18n import Explained
from mailer.core.settings import Settings
from mailer.newsletters.models import LegalBasis, Newsletter, Theme
from mailer.newsletters.presentation import NewsletterRefused, faults, tidied

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


RESERVED = frozenset({
    "accessibility", "assets", "back", "confirm", "desk", "healthz", "legal", "login", "logout", "metrics",
    "new", "preferences", "privacy", "readyz", "rights", "static", "still", "testers", "trial", "u",
})  # fmt: skip


class UnknownNewsletter(Explained):
    """Say that no newsletter has this slug."""

    sentences = "newsletters", "refused"

    def __init__(self, slug: str) -> None:
        super().__init__("unknown", slug=slug)


class Stale(Exception):
    """Say that a newsletter is no longer as it was shown: somebody has changed it meanwhile."""


class PresentationRefused(Exception):
    """Carry what is wrong with each field of a presentation."""

    def __init__(self, faults: dict[str, NewsletterRefused]) -> None:
        self.faults = faults
        super().__init__(", ".join(refused.code for refused in faults.values()))

    def sentence(self, locale: str) -> str:
        """Return everything that is wrong, in that language."""
        return "; ".join(f"{name}: {refused.sentence(locale)}" for name, refused in self.faults.items())


def create_newsletter(db: Session, *, slug: str, now: datetime, **presentation: Any) -> Newsletter:
    """Create a newsletter.  Raises NewsletterRefused, PresentationRefused."""
    if not _SLUG.fullmatch(slug) or slug in RESERVED:
        raise NewsletterRefused("slug", slug=slug)
    values = tidied(presentation)
    if wrong := faults(values):
        raise PresentationRefused(wrong)
    if newsletter(db, slug):
        raise NewsletterRefused("taken", slug=slug)
    created = Newsletter(slug=slug, created_at=now, **values)
    db.add(created)
    db.flush()
    return created


def completed(values: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Return what a new newsletter is made of: what was asked for, and what follows from it."""
    whole = {name: value for name, value in values.items() if value not in (None, "")}
    whole = {"name": "", "description": "", "locale": settings.default_locale, "theme": Theme.NEUTRAL,
             "legal_basis": LegalBasis.CONSENT} | whole  # fmt: skip
    host = urlsplit(settings.public_url).hostname
    whole.setdefault("from_name", whole["name"])
    whole.setdefault("from_address", f"{whole['slug']}@{host}")
    whole.setdefault("reply_to", whole["from_address"])
    whole.setdefault("return_path_domain", whole["from_address"].rpartition("@")[2])
    return whole


def change(
    db: Session,
    of: Newsletter,
    values: Mapping[str, Any],
    *,
    revision: int | None,
    fixed: Collection[str] = (),
) -> list[str]:
    """Present a newsletter otherwise; return the names of what changed.

    `revision`: what the change was made from, None where nothing was shown first.  `fixed`: what must not
    change while an issue is being sent.  Raises Stale, PresentationRefused.
    """
    locked(db, of)
    if revision is not None and revision != of.revision:
        raise Stale
    tidy = tidied(values)
    changed = [name for name, value in tidy.items() if getattr(of, name) != value]
    wrong = {name: NewsletterRefused("sending") for name in changed if name in fixed} | faults(tidy)
    if wrong:
        raise PresentationRefused(wrong)
    for name in changed:
        setattr(of, name, tidy[name])
    of.revision += bool(changed)
    db.flush()
    return changed


def locked(db: Session, of: Newsletter) -> Newsletter:
    """Return it as it is now, locked until the transaction ends."""
    db.flush()
    db.refresh(of, with_for_update=True)
    return of


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
