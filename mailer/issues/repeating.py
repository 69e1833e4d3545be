"""Take a block of the last issue over into a draft, with its words and its images."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.issues import composing, drafts, next_issue, stored_images
from mailer.issues.drafts import PICTURES, Stale, Values
from mailer.issues.models import Issue


def before(db: Session, issue: Issue) -> Issue | None:
    """Return the newest other issue of the same newsletter."""
    others = select(Issue).where(Issue.newsletter_id == issue.newsletter_id, Issue.id != issue.id)
    return db.scalar(others.order_by(Issue.created_at.desc()).limit(1))


def repeat(db: Session, issue: Issue, block_id: str, *, after: str | None) -> str:
    """Put a block of the last issue after another, or at the end; return its id.

    As in the issue that follows another, its dates are taken out, and it asks to be read again.
    Raises ForbiddenMove, Stale (the block is not there any more), TooManyBlocks.
    """
    document = composing.opened(db, issue)
    source = before(db, issue)
    block = drafts.block_of(composing.document(source), block_id) if source else None
    if source is None or block is None:
        raise Stale(None)
    again = next_issue.next_block(drafts.written_block(block), str(source.content.get("locale", "fr")))
    images = {
        name: stored_images.same_or_free(image["src"], source.assets[image["src"]], issue.assets)
        for name in PICTURES
        if (image := again.get(name)) and image.get("src") in source.assets
    }
    files = {src: source.assets[again[name]["src"]] for name, src in images.items()}
    issue.assets = issue.assets | files
    new = drafts.new_block(block["kind"]) | _with_sources(again, images)
    composing.store(db, issue, drafts.inserted(document, new, after=after))
    return str(new["id"])


def _with_sources(block: Values, sources: dict[str, str]) -> Values:
    return block | {name: block[name] | {"src": src} for name, src in sources.items()}
