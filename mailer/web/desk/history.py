"""Door: the history of a letter, what changed between its versions, and undo and redo."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, abort, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.issues import history as acts
from mailer.issues import versions
from mailer.issues.differences import Difference, differences
from mailer.issues.drafts import TooManyBlocks
from mailer.issues.history import NothingToDo, Possible, UnknownVersion
from mailer.issues.models import Issue, Version
from mailer.issues.state_machine import ForbiddenMove, IssueState
from mailer.issues.undoing import HEAD_PIECE, Change, ChangedSince
from mailer.staff import accounts
from mailer.web.desk.compose_draft import note, said, to_letter
from mailer.web.desk.issue import fetch

history = Blueprint("history", __name__, url_prefix="/issues/<uuid:issue_id>/compose")
PAGE = 20  # versions on a page


def possible(issue_id: UUID) -> Possible:
    """Return what the person who asks could take back, or do again."""
    with transaction() as db:
        return acts.possible(db, issue_id, str(current_user.id))


@history.post("/undo")
def undo(issue_id: UUID) -> ResponseReturnValue:
    """Take back one’s own last act."""
    nothing = _("Il n’y a rien à annuler : vous n’avez rien modifié dans cette lettre.")
    return _turned(issue_id, "undo", acts.undo, _("Votre dernière modification est annulée."), nothing)


@history.post("/redo")
def redo(issue_id: UUID) -> ResponseReturnValue:
    """Do again what one took back last."""
    nothing = _("Il n’y a rien à rétablir.")
    return _turned(issue_id, "redo", acts.redo, _("Votre modification est rétablie."), nothing)


@history.get("/history")
def page(issue_id: UUID) -> ResponseReturnValue:
    """List the versions, the newest first."""
    below = request.args.get("below", type=int)
    with transaction() as db:
        found = fetch(db, issue_id)
        kept = versions.listed(db, issue_id, below=below, most=PAGE + 1)
        return render_template(
            "desk/history.html",
            issue=found, rows=[_row(db, version, before) for version, before in _pairs(kept)],
            older=kept[PAGE - 1].number if len(kept) > PAGE else None, newer=below is not None,
            editable=found.state is IssueState.DRAFT, said=said(),
        )  # fmt: skip


@history.get("/history/<int:number>")
def version(issue_id: UUID, number: int) -> ResponseReturnValue:
    """Show what differs between a version and another, by default the one before."""
    since = request.args.get("since", type=int)
    with transaction() as db:
        found = fetch(db, issue_id)
        after = versions.at(db, issue_id, number) or abort(404)
        before = versions.at(db, issue_id, since) if since else versions.previous(db, after)
        return render_template(
            "desk/history_version.html",
            issue=found, version=after, before=before, who=_who(db, after),
            differences=_between(before, after, full=True), numbers=versions.numbers(db, issue_id),
            editable=found.state is IssueState.DRAFT, newest=versions.newest(db, issue_id), said=said(),
        )  # fmt: skip


@history.post("/history/<int:number>/restore")
def restore(issue_id: UUID, number: int) -> ResponseReturnValue:
    """Make the letter what it was in a version."""
    try:
        with transaction() as db:
            found = fetch(db, issue_id)
            acts.restore(db, found, number, by=str(current_user.id), now=utcnow())
            note(db, found, "issue edit", restored=number)
    except UnknownVersion:
        flash(_("Rien n’a changé : cette version n’est plus conservée."), "info")
    except ForbiddenMove:
        flash(_("Rien n’a changé : ce numéro n’est plus un brouillon."), "info")
    else:
        flash(_("La lettre est revenue à la version %(number)s.", number=number), "success")
    return to_letter(issue_id)


def _turned(
    issue_id: UUID, what: str, act: Callable[..., Change], done: str, nothing: str
) -> ResponseReturnValue:
    try:
        with transaction() as db:
            found = fetch(db, issue_id)
            change = act(db, found, by=str(current_user.id), now=utcnow())
            note(db, found, "issue edit", turned=what)
            anchor = _anchor(found, change)
    except (NothingToDo, ChangedSince, TooManyBlocks, ForbiddenMove) as refusal:
        flash(_refusals(nothing)[type(refusal)], "info")
        return to_letter(issue_id)
    flash(done, "success")
    return to_letter(issue_id, anchor)


def _refusals(nothing: str) -> dict[type[Exception], str]:
    return {
        NothingToDo: nothing,
        ChangedSince: _(
            "Rien n’a changé : une autre personne a modifié ce passage depuis. "
            "L’historique garde chaque version."
        ),
        TooManyBlocks: _("Une lettre contient cent blocs au plus : retirez-en un d’abord."),
        ForbiddenMove: _("Rien n’a changé : ce numéro n’est plus un brouillon."),
    }


def _anchor(found: Issue, change: Change) -> str:
    """Return a block that one sees it on."""
    here = set(versions.letter(found).ids) - {HEAD_PIECE}
    return next((name for name in (*change.added, *change.moved, *change.edited) if name in here), "")


def _pairs(kept: list[Version]) -> list[tuple[Version, Version | None]]:
    return list(zip(kept[:PAGE], [*kept[1 : PAGE + 1], None], strict=False))


def _row(db: Session, of: Version, before: Version | None) -> dict[str, object]:
    return {"version": of, "who": _who(db, of), "differences": _between(before, of)}


def _between(before: Version | None, after: Version, *, full: bool = False) -> list[Difference]:
    if before is None:
        return []
    return differences(versions.letter(before), versions.letter(after), said() if full else None)


def _who(db: Session, of: Version) -> str:
    return accounts.name(db, of.by) if of.by else ""
