"""What the doors of the composer share: one change in one transaction, and the page of what cannot change."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from flask import (
    abort,
    flash,
    get_flashed_messages,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from mailer.core import audit
from mailer.core.db import transaction, utcnow
from mailer.issues import composing, versions
from mailer.issues.drafts import Document, Stale, TooManyBlocks
from mailer.issues.form_words import FormWords
from mailer.issues.models import Issue
from mailer.issues.state_machine import ForbiddenMove, IssueState
from mailer.web.desk import compose_outline
from mailer.web.desk.issue import fetch

T = TypeVar("T")
TAKES_FILES = frozenset({
    "desk.compose_block.save", "desk.compose_start.take_file", "desk.images.upload", "desk.images.replace",
})  # fmt: skip
UPLOAD = 64 * 1024 * 1024  # bytes: more than an image may weigh, so that a sentence can say so


class NotADraft(Exception):
    """Carry the page that says why a letter cannot be written any more."""

    def __init__(self, page: str) -> None:
        self.page = page
        super().__init__("not a draft")

    def answer(self) -> ResponseReturnValue:
        """Return it as a page, or to a script."""
        return (jsonify(outcome="left"), 409) if by_script() else self.page


def by_script() -> bool:
    """Return whether a script of ours asks, which reads JSON; a browser asks for pages."""
    return request.accept_mimetypes.best == "application/json"


def allow_images(endpoint: str | None, _: dict[str, object] | None) -> None:
    """Let staff send more than a form's worth, where a block may have an image."""
    if endpoint in TAKES_FILES and current_user.is_authenticated:
        request.max_content_length = UPLOAD


def opened(db: Session, issue_id: UUID) -> tuple[Issue, Document]:
    """Return a draft and its letter.  Raises NotADraft."""
    found = fetch(db, issue_id)
    if found.state is not IssueState.DRAFT:
        raise NotADraft(render_template("desk/compose_closed.html", issue=found))
    return found, composing.document(found)


def changed(issue_id: UUID, what: str, act: Callable[[Session, Issue], T], **details: Any) -> T:
    """Return what a change returns, once it is in the audit with its details.

    Raises ForbiddenMove, Stale, TooManyBlocks.
    """
    with transaction() as db:
        found = fetch(db, issue_id)
        result = act(db, found)
        record(db, found, what, **details)
    return result


def record(db: Session, found: Issue, what: str, **details: Any) -> None:
    """Keep the version that a letter is now, and note who made it; once, however often they save it."""
    if versions.keep(db, found, by=str(current_user.id), now=utcnow()):
        note(db, found, what, **details)


def note(db: Session, found: Issue, what: str, **details: Any) -> None:
    """Note who did something to a letter."""
    whole = {"issue": str(found.id)} | details
    audit.record(db, who=str(current_user.id), what=what, details=whole, now=utcnow())


def tried(issue_id: UUID, what: str, act: Callable[[Session, Issue], T], **details: Any) -> T | None:
    """Return what a change returns; None, and say why, when it cannot be made."""
    try:
        return changed(issue_id, what, act, **details)
    except Stale:
        flash(_("Rien n’a changé : la lettre a été modifiée entre-temps. La voici comme elle est."), "info")
    except TooManyBlocks:
        flash(_("Une lettre contient cent blocs au plus : retirez-en un d’abord."), "error")
    except ForbiddenMove:
        flash(_("Rien n’a changé : ce numéro n’est plus un brouillon."), "info")
    return None


def to_letter(issue_id: UUID, block_id: str = "") -> ResponseReturnValue:
    """Lead to the letter, at one of its blocks; hand a script what changed there."""
    if by_script():
        return make_response(_news(issue_id, block_id))
    anchor = f"block-{block_id}" if block_id else None
    return redirect(url_for("desk.compose.page", issue_id=issue_id, _anchor=anchor), 303)


def _news(issue_id: UUID, block_id: str) -> ResponseReturnValue:
    with transaction() as db:
        issue, document = opened(db, issue_id)
        outline, head = compose_outline.whole(issue, document), compose_outline.head(issue, document)
    told: list[Any] = get_flashed_messages(with_categories=True)
    return jsonify(
        block=block_id, outline=outline, head=head, told=[{"kind": kind, "text": text} for kind, text in told]
    )


def received(file: FileStorage, most: int) -> bytes:
    """Return the bytes of an upload, up to so many, and close it."""
    with file.stream as stream:
        return stream.read(most)


def said() -> FormWords:
    """Return the words of the forms, in the reader's language."""
    return compose_outline.words()


def number_in(name: str) -> int:
    """Return a number that our own form carries."""
    text = request.form.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        abort(400)
    return int(text)
