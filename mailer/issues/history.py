"""Undo, redo, and put back an earlier version: each is a version of its own, so that nothing is lost."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from mailer.issues import composing, lifecycle, undoing, versions
from mailer.issues.models import Act, Issue
from mailer.issues.state_machine import Move, moved
from mailer.issues.undoing import Change, Letter


class NothingToDo(Exception):
    """Say that somebody has nothing left to undo, or to redo."""


class UnknownVersion(Exception):
    """Say that a version is no longer kept."""


@dataclass(frozen=True)
class Possible:
    """Say whether somebody has something to undo, and to redo."""

    undo: bool
    redo: bool


def possible(db: Session, issue_id: UUID, by: str) -> Possible:
    """Return what somebody could take back of their own in an issue."""
    undo, redo = versions.to_undo(db, issue_id, by), versions.to_redo(db, issue_id, by)
    return Possible(undo is not None, redo is not None)


def undo(db: Session, issue: Issue, *, by: str, now: datetime) -> Change:
    """Take back the last thing somebody did in an issue; return what that changes.

    Raises NothingToDo, ChangedSince (somebody else has changed it since), TooManyBlocks, ForbiddenMove.
    """
    here = _opened(db, issue)
    return _turned(db, issue, here, versions.to_undo(db, issue.id, by), act=Act.UNDO, by=by, now=now)


def redo(db: Session, issue: Issue, *, by: str, now: datetime) -> Change:
    """Do again the last thing somebody took back; return what that changes.  Raises as `undo` does."""
    here = _opened(db, issue)
    return _turned(db, issue, here, versions.to_redo(db, issue.id, by), act=Act.REDO, by=by, now=now)


def restore(db: Session, issue: Issue, number: int, *, by: str, now: datetime) -> Change:
    """Make the letter what it was in a version; return what that changes.

    Raises UnknownVersion, ForbiddenMove.
    """
    here = _opened(db, issue)
    goal = versions.at(db, issue.id, number)
    if goal is None:
        raise UnknownVersion
    after = undoing.towards(here, goal=versions.letter(goal), left=here)
    return _stored(db, issue, here, after, act=Act.RESTORE, about=number, by=by, now=now)


def _opened(db: Session, issue: Issue) -> Letter:
    moved(lifecycle.locked(db, issue).state, Move.EDIT)
    versions.begin(db, issue)
    return versions.letter(issue)


def _turned(
    db: Session, issue: Issue, here: Letter, number: int | None, *, act: Act, by: str, now: datetime
) -> Change:
    """Take back what a version did, or what took it back."""
    turn = versions.last_turn(db, issue.id, number) if number else None
    if number is None or turn is None:
        raise NothingToDo
    left, goal = turn
    after = undoing.towards(here, goal=versions.letter(goal), left=versions.letter(left))
    versions.mark(db, issue.id, number, undone=act is Act.UNDO)
    return _stored(db, issue, here, after, act=act, about=number, by=by, now=now)


def _stored(
    db: Session, issue: Issue, here: Letter, after: Letter, *, act: Act, about: int, by: str, now: datetime
) -> Change:
    done = undoing.change(here, after)
    composing.store(db, issue, after.document)
    issue.assets = after.assets
    versions.keep(db, issue, by=by, now=now, act=act, about=about)
    return done
