"""Correct a letter at the touch of a button: as whoever writes it would, and under the same conditions."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.i18n import words
from mailer.issues import composing, drafts
from mailer.issues.checks import mending
from mailer.issues.drafts import Stale, Values
from mailer.issues.fields import HEAD
from mailer.issues.models import Issue

OF_THE_HEAD = "head"  # instead of the id of a block


def mend(db: Session, issue: Issue, code: str, block_id: str, *, revision: int) -> str:
    """Correct what a check found in a block, as it was shown; return the id of the block.

    Raises ForbiddenMove, KeyError, Stale, TooManyBlocks.
    """
    if code == mending.COLOPHON:
        return _add_colophon(db, issue)
    document = composing.document(issue)
    locale = document.get("locale", "fr")
    if block_id == OF_THE_HEAD:
        head = {name: document[name] for name in HEAD if name in document}
        composing.save_head(db, issue, mending.mended(head, code, locale), revision=revision)
        return block_id
    block = drafts.block_of(document, block_id)
    if block is None:
        raise Stale(None)
    values = {name: value for name, value in block.items() if name not in ("id", "revision")}
    return composing.save_block(db, issue, block_id, mending.mended(values, code, locale), revision=revision)


def _add_colophon(db: Session, issue: Issue) -> str:
    """Add the colophon of the newsletter's last issue, or one that asks who answers for the publication."""
    block_id = composing.add(db, issue, "colophon", after=None)
    values = _last_colophon(db, issue) or {"lines": [{"role": _director(issue)}]}
    return composing.save_block(db, issue, block_id, {"kind": "colophon"} | values, revision=1)


def _last_colophon(db: Session, issue: Issue) -> Values | None:
    others = select(Issue).where(Issue.newsletter_id == issue.newsletter_id, Issue.id != issue.id)
    for other in db.scalars(others.order_by(Issue.created_at.desc()).limit(3)):
        for block in other.content.get("blocks", ()):
            if block["kind"] == "colophon":
                return drafts.written_block(block)
    return None


def _director(issue: Issue) -> str:
    return str(words("issues", issue.content.get("locale", "fr"))["publication_director"])
