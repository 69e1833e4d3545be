"""Change the letter of a draft, one piece at a time, in the database.

Each of these locks the issue, so that two of them follow each other, and refuses what is no draft.
"""

from sqlalchemy.orm import Session

from mailer.issues import drafts, lifecycle, versions
from mailer.issues.drafts import Document, Values
from mailer.issues.models import Issue
from mailer.issues.state_machine import Move, moved


def document(issue: Issue) -> Document:
    """Return the letter of an issue, in which every block has its id."""
    return drafts.identified(issue.content)


def save_head(db: Session, issue: Issue, values: Values, *, revision: int) -> None:
    """Replace title, subject and what else is the issue's own.  Raises ForbiddenMove, Stale."""
    store(db, issue, drafts.with_head(opened(db, issue), values, revision=revision))


def save_block(db: Session, issue: Issue, block_id: str, values: Values, *, revision: int) -> str:
    """Replace a block by what was typed, whatever is missing in it; return its id.

    `revision` is that of the block as it was shown; 0 puts back one that was removed.
    Raises ForbiddenMove, Stale, TooManyBlocks.
    """
    whole, saved_id = drafts.with_block(
        opened(db, issue), block_id, _with_own_images(values, issue), revision=revision
    )
    store(db, issue, whole)
    return saved_id


def add(db: Session, issue: Issue, kind: str, *, after: str | None) -> str:
    """Add an empty block after another, or at the end; return its id.

    Raises ForbiddenMove, TooManyBlocks.
    """
    block = drafts.new_block(kind)
    store(db, issue, drafts.inserted(opened(db, issue), block, after=after))
    return str(block["id"])


def duplicate(db: Session, issue: Issue, block_id: str) -> str:
    """Put a copy after a block; return its id.  Raises ForbiddenMove, Stale, TooManyBlocks."""
    whole, copy = drafts.duplicated(opened(db, issue), block_id)
    store(db, issue, whole)
    return copy


def move(db: Session, issue: Issue, block_id: str, place: int, *, order: int) -> int:
    """Put a block at a place; return the place it got, from 1.  Raises ForbiddenMove, Stale."""
    whole = drafts.moved(opened(db, issue), block_id, place, order=order)
    store(db, issue, whole)
    return 1 + next(n for n, block in enumerate(whole["blocks"]) if block["id"] == block_id)


def remove(db: Session, issue: Issue, block_id: str, *, revision: int) -> None:
    """Take a block away.  Raises ForbiddenMove, Stale."""
    store(db, issue, drafts.removed(opened(db, issue), block_id, revision=revision))


def opened(db: Session, issue: Issue) -> Document:
    """Return the letter of a draft, to be changed; its issue is locked.  Raises ForbiddenMove."""
    moved(lifecycle.locked(db, issue).state, Move.EDIT)
    versions.begin(db, issue)
    return document(issue)


def store(db: Session, issue: Issue, whole: Document) -> None:
    """Keep the letter of an issue, once it is changed."""
    issue.content, issue.title = whole, str(whole.get("title", "")).strip()
    db.flush()


def _with_own_images(values: Values, issue: Issue) -> Values:
    """Return them without a picture that the issue does not have: a form may name any."""
    foreign = [n for n in drafts.PICTURES if values.get(n, {}).get("src", "") not in {"", *issue.assets}]
    bare = {name: {k: v for k, v in values[name].items() if k != "src"} for name in foreign}
    return values | bare
