"""List and search what a newsletter has published."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, cast, func, select
from sqlalchemy.dialects.postgresql import REGCONFIG
from sqlalchemy.orm import Session, joinedload

from mailer.issues.blocks import Content
from mailer.issues.models import Issue, Revision
from mailer.newsletters.models import Newsletter
from mailer.rendering.merge_fields import for_everybody

PAGE = 12  # issues
_CONFIGURATIONS = {"fr": "french", "en": "english"}
_NOT_TEXT = {"newsletter", "locale", "kind", "src", "url"}
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "’": "'"})


@dataclass(frozen=True)
class ArchiveEntry:
    """Hold an issue as a list shows it."""

    id: UUID
    title: str
    summary: str
    number: str | None
    locale: str
    at: datetime  # when its send began
    image: str | None  # the name of an asset


@dataclass(frozen=True)
class Listing:
    """Hold one page of the archive; pages begin at 1."""

    entries: list[ArchiveEntry]
    total: int
    page: int
    pages: int


def listing(
    db: Session, newsletter: Newsletter, *, words: str = "", page: int = 1, size: int = PAGE
) -> Listing:
    """Return the issues whose send has begun and which contain these words, the newest first."""
    query = _published(newsletter.id)
    if words.strip():
        wanted = func.websearch_to_tsquery(_configuration(newsletter.locale), fold(words))
        query = query.where(Revision.search.bool_op("@@")(wanted))
    total = db.scalar(select(func.count()).select_from(query.subquery())) or 0
    pages = max(-(-total // size), 1)
    page = min(max(page, 1), pages)
    rows = db.execute(query.order_by(Issue.started_at.desc()).limit(size).offset((page - 1) * size))
    return Listing([_entry(*row) for row in rows], total, page, pages)


def around(db: Session, issue: Issue) -> tuple[ArchiveEntry | None, ArchiveEntry | None]:
    """Return what the same newsletter published before an issue, and after."""
    query = _published(issue.newsletter_id)
    before = query.where(Issue.started_at < issue.started_at).order_by(Issue.started_at.desc())
    after = query.where(Issue.started_at > issue.started_at).order_by(Issue.started_at)
    rows = [db.execute(nearest.limit(1)).one_or_none() for nearest in (before, after)]
    first, second = (_entry(*row) if row else None for row in rows)
    return first, second


def entry(db: Session, issue_id: UUID) -> tuple[ArchiveEntry, Issue] | None:
    """Return a published issue with its newsletter, and how a list shows it; None when there is none."""
    one = _published(None).where(Issue.id == issue_id).options(joinedload(Issue.newsletter))
    row = db.execute(one).one_or_none()
    return (_entry(*row), row[0]) if row else None


def search_vector(content: Content) -> ColumnElement[Any]:
    """Return the search vector of a revision."""
    words = " ".join(for_everybody(text, content.locale) for text in _texts(content.dump()))
    return func.to_tsvector(_configuration(content.locale), fold(words))


def fold(text: str) -> str:
    """Return lower-case letters without accents: people search as they type."""
    parted = unicodedata.normalize("NFKD", text.lower().translate(_LIGATURES))
    return "".join(c for c in parted if not unicodedata.combining(c))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in _NOT_TEXT:
                yield from _texts(item)


def _configuration(locale: str) -> ColumnElement[Any]:
    return cast(_CONFIGURATIONS[locale], REGCONFIG)


def _published(newsletter_id: UUID | None) -> Select[tuple[Issue, dict[str, Any]]]:
    mine = (Issue.newsletter_id == newsletter_id,) if newsletter_id else ()
    joined = select(Issue, Revision.content).join(Revision, Revision.sha256 == Issue.revision_id)
    return joined.where(Issue.started_at.is_not(None), *mine)


def _entry(issue: Issue, content: dict[str, Any]) -> ArchiveEntry:
    assert issue.started_at  # noqa: S101 -- what is published has started
    pictures = (issue.assets.get(src) for src in _pictures(content))
    locale = content.get("locale", "fr")
    return ArchiveEntry(
        issue.id, issue.title, for_everybody(content.get("preheader", ""), locale), content.get("number"),
        locale, issue.started_at, next(filter(None, pictures), None),
    )  # fmt: skip


def _pictures(content: dict[str, Any]) -> Iterator[str]:
    """Yield the pictures that tell one issue from the next: the masthead's is often the same, so it comes
    last.
    """
    blocks = [block for block in content.get("blocks", ()) if block.get("image")]
    for block in sorted(blocks, key=lambda block: bool(block["kind"] == "masthead")):
        yield block["image"]["src"]
