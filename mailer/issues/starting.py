"""Begin a new issue: after the last one, from a file, or with what every letter has."""

import tempfile
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.i18n import words
from mailer.issues import drafts, looks, next_issue, stored_images, yaml_file, zip_file
from mailer.issues.drafts import Document, Values
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.newsletters.models import Newsletter
from mailer.newsletters.newsletters import UnknownNewsletter, newsletter

ZIP = b"PK"  # how an archive begins


def last(db: Session, of: Newsletter) -> Issue | None:
    """Return the newest issue of a newsletter, whatever its state."""
    own = select(Issue).where(Issue.newsletter_id == of.id).order_by(Issue.created_at.desc()).limit(1)
    return db.scalar(own)


def after_last(db: Session, of: Newsletter, *, now: datetime) -> Issue | None:
    """Return a draft that follows the last issue; None when there is no issue yet."""
    before = last(db, of)
    if before is None:
        return None
    document = next_issue.following(before.content) | {"newsletter": of.slug}
    shown = {image["src"] for image in drafts.pictures(document)}
    images = {src: name for src, name in before.assets.items() if src in shown}
    return _created(db, of, document, images, now=now)


def empty(db: Session, of: Newsletter, *, now: datetime) -> Issue:
    """Return a draft with its rubrics, between the last issue’s masthead and colophon, or new ones."""
    before = last(db, of)
    known = next_issue.following(before.content)["blocks"] if before else []
    kept = [next((b for b in known if b["kind"] == kind), None) for kind in ("masthead", "colophon")]
    masthead, colophon = (found or new for found, new in zip(kept, _usual(of), strict=True))
    blocks = [masthead, *looks.rubric_blocks(of), colophon]
    document = {"newsletter": of.slug, "locale": of.locale, "blocks": blocks}
    shown = {image["src"] for image in drafts.pictures(document)}
    images = {src: name for src, name in (before.assets if before else {}).items() if src in shown}
    return _created(db, of, document, images, now=now)


def from_file(db: Session, body: bytes, name: str, *, now: datetime) -> Issue:
    """Return a draft made of a YAML file, or of a ZIP of one with its images, finished or not.

    Raises UnreadableZip, IssueFileError, UnknownNewsletter.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if body.startswith(ZIP):
            path = zip_file.unpack(body, folder)
        else:
            path = folder / (Path(name.replace("\\", "/")).name or zip_file.YAML_NAME)
            path.write_bytes(body)
        document, images = yaml_file.load_draft(path, partial(stored_images.read, db))
    slug = document["newsletter"]
    of = newsletter(db, slug)
    if of is None:
        raise UnknownNewsletter(slug)
    stored_images.keep_all(db, of, images, by=stored_images.BY_FILE, now=now)
    return _created(db, of, document, {src: image.name for src, image in images.items()}, now=now)


def exported(db: Session, issue: Issue) -> bytes:
    """Return an issue as a ZIP of its YAML file and images, which `from_file` reads as the same content."""
    names = {image["src"]: issue.assets.get(image["src"]) for image in drafts.pictures(issue.content)}
    stored = stored_images.bodies(db, filter(None, names.values()))
    return zip_file.write(issue.content, {src: stored[name] for src, name in names.items() if name in stored})


def _created(
    db: Session, of: Newsletter, document: Document, images: Mapping[str, str], *, now: datetime
) -> Issue:
    issue = Issue(
        newsletter=of, state=IssueState.DRAFT, created_at=now, title=document.get("title", ""),
        content=_reviewed(document), assets=dict(images),
    )  # fmt: skip
    db.add(issue)
    db.flush()
    return issue


def _reviewed(document: Document) -> Document:
    """Return it with ids of its own; what asks to be read again still does."""
    whole = drafts.fresh(document)
    for block, source in zip(whole["blocks"], document["blocks"], strict=True):
        if source.get("review"):
            block["review"] = True
    return whole


def _usual(of: Newsletter) -> tuple[Values, Values]:
    role = words("issues", of.locale)["publication_director"]
    return (
        {"kind": "masthead", "title": of.name},
        {"kind": "colophon", "lines": [{"role": role}]},
    )
