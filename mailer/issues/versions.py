"""Keep the versions of a draft: who changed it, when, and how it was then.

A version is the whole letter, so that none depends on another. Whoever goes on writing in one block goes on
with their version for a few minutes; an issue keeps its first version and its last ones.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from mailer.issues import drafts, undoing
from mailer.issues.models import Act, Issue, Version
from mailer.issues.undoing import HEAD_PIECE, Letter

TOGETHER = timedelta(minutes=5)  # the saves of one block that are one version
MOST = 300  # versions of an issue
_IN_STACK = frozenset({Act.CHANGE, Act.RESTORE})  # what whoever did it can take back


def begin(db: Session, issue: Issue) -> None:
    """Keep an issue as it is before it is changed for the first time."""
    if newest(db, issue.id) is None:
        _add(db, issue, number=1, act=Act.BEGIN, now=issue.created_at)


def keep(
    db: Session, issue: Issue, *, by: str, now: datetime, act: Act = Act.CHANGE, about: int | None = None
) -> bool:
    """Keep an issue as somebody has just changed it; return whether that is a version of its own.

    It is none if nothing changed, or if they only went on with the one before.
    """
    last = newest(db, issue.id)
    if last is None:
        _add(db, issue, number=1, act=Act.BEGIN, by=by, now=now)
        return True
    done = undoing.change(letter(last), letter(issue))
    if act is Act.CHANGE and not done:
        return False
    if act is Act.CHANGE and done.only_edited and _continued(db, issue, done.only_edited, by=by, now=now):
        return False
    if act in _IN_STACK:
        db.execute(update(Version).where(*_own(issue.id, by), Version.redoable).values(redoable=False))
    _add(db, issue, number=last.number + 1, act=act, about=about, by=by, now=now, undoable=act in _IN_STACK)
    _drop_old(db, issue.id, last.number + 1)
    return True


def letter(of: Issue | Version) -> Letter:
    """Return the letter of an issue or of a version."""
    return Letter(drafts.identified(of.content), of.assets)


def newest(db: Session, issue_id: UUID) -> Version | None:
    """Return the last version of an issue."""
    return db.scalar(_of(issue_id).order_by(Version.number.desc()).limit(1))


def at(db: Session, issue_id: UUID, number: int) -> Version | None:
    """Return a version by its number."""
    return db.get(Version, (issue_id, number))


def listed(db: Session, issue_id: UUID, *, below: int | None, most: int) -> list[Version]:
    """Return so many versions of an issue, the newest first, from below a number on."""
    older = () if below is None else (Version.number < below,)
    return list(db.scalars(_of(issue_id).where(*older).order_by(Version.number.desc()).limit(most)))


def previous(db: Session, of: Version) -> Version | None:
    """Return the version that is kept before another."""
    return next(iter(listed(db, of.issue_id, below=of.number, most=1)), None)


def numbers(db: Session, issue_id: UUID) -> list[int]:
    """Return the numbers of the versions that are kept, the newest first."""
    own = select(Version.number).where(Version.issue_id == issue_id).order_by(Version.number.desc())
    return list(db.scalars(own))


def to_undo(db: Session, issue_id: UUID, by: str) -> int | None:
    """Return the number of the last thing somebody did and has not taken back."""
    return db.scalar(select(func.max(Version.number)).where(*_own(issue_id, by), Version.undoable))


def to_redo(db: Session, issue_id: UUID, by: str) -> int | None:
    """Return the number of the last thing somebody took back."""
    return db.scalar(select(func.min(Version.number)).where(*_own(issue_id, by), Version.redoable))


def last_turn(db: Session, issue_id: UUID, number: int) -> tuple[Version, Version] | None:
    """Return the version that last did, undid or redid what a version did, and the one before it."""
    turns = or_(
        Version.number == number, and_(Version.about == number, Version.act.in_((Act.UNDO, Act.REDO)))
    )
    last = db.scalar(_of(issue_id).where(turns).order_by(Version.number.desc()).limit(1))
    before = at(db, issue_id, last.number - 1) if last else None
    return (last, before) if last and before else None


def mark(db: Session, issue_id: UUID, number: int, *, undone: bool) -> None:
    """Note that what a version did was taken back, or done again."""
    one = update(Version).where(Version.issue_id == issue_id, Version.number == number)
    db.execute(one.values(undoable=not undone, redoable=undone))


def forget(db: Session, issue: Issue) -> None:
    """Delete the history of an issue."""
    db.execute(delete(Version).where(Version.issue_id == issue.id))


def _continued(db: Session, issue: Issue, piece: str, *, by: str, now: datetime) -> bool:
    """Write what was saved into somebody's last version, if that was of the same piece a moment ago.

    The versions that others have made since hold the same piece, and have it as it is now.
    """
    mine = db.scalar(_of(issue.id).where(Version.by == by).order_by(Version.number.desc()).limit(1))
    if mine is None or mine.act is not Act.CHANGE or not mine.undoable or now - mine.begun_at >= TOGETHER:
        return False
    before = at(db, issue.id, mine.number - 1)
    since = db.scalars(_of(issue.id).where(Version.number >= mine.number)).all()
    same = all(letter(each).piece(piece) == letter(mine).piece(piece) for each in since)
    if before is None or not same or undoing.change(letter(before), letter(mine)).only_edited != piece:
        return False
    for each in since:
        each.content, each.assets = _with_piece(each, issue, piece), each.assets | issue.assets
    mine.saved_at = now
    db.flush()
    return True


def _with_piece(version: Version, issue: Issue, piece: str) -> drafts.Document:
    document, now = letter(version).document, letter(issue).document
    if piece == HEAD_PIECE:
        return drafts.head(now) | {name: document[name] for name in ("revision", "order", "blocks")}
    block = drafts.block_of(now, piece)
    return document | {"blocks": [block if each["id"] == piece else each for each in document["blocks"]]}


def _add(
    db: Session, issue: Issue, *, number: int, act: Act, now: datetime,
    by: str | None = None, about: int | None = None, undoable: bool = False,
) -> None:  # fmt: skip
    db.add(
        Version(
            issue_id=issue.id, number=number, content=letter(issue).document, assets=issue.assets, act=act,
            about=about, by=by, begun_at=now, saved_at=now, undoable=undoable, redoable=False,
        )
    )  # fmt: skip
    db.flush()


def _drop_old(db: Session, issue_id: UUID, last: int) -> None:
    """Leave the first version and the last ones."""
    old = Version.number.between(2, last - MOST + 1)
    db.execute(delete(Version).where(Version.issue_id == issue_id, old))


def _of(issue_id: UUID) -> Select[Version]:
    return select(Version).where(Version.issue_id == issue_id)


def _own(issue_id: UUID, by: str) -> tuple[ColumnElement[bool], ...]:
    return Version.issue_id == issue_id, Version.by == by
