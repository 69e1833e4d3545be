"""Door: the form of one block.  What is typed is kept as it is; what is missing is said beside its field."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from mailer.core.db import transaction
from mailer.core.i18n import words
from mailer.core.settings import settings
from mailer.issues import assets, composing, drafts, fields, form_words, lifecycle
from mailer.issues.assets import BadImage
from mailer.issues.blocks import KINDS
from mailer.issues.drafts import PICTURES, Stale, TooManyBlocks, Values
from mailer.issues.models import Issue
from mailer.issues.state_machine import ForbiddenMove
from mailer.web.desk import compose_outline, labels
from mailer.web.desk import preview as previewing
from mailer.web.desk.compose_draft import (
    NotADraft,
    allow_images,
    by_script,
    number_in,
    opened,
    received,
    record,
    said,
    to_letter,
)
from mailer.web.desk.issue import fetch, locale_of

compose_block = Blueprint(
    "compose_block", __name__, url_prefix="/issues/<uuid:issue_id>/compose/blocks/<block_id>"
)
compose_block.url_value_preprocessor(allow_images)


@dataclass
class Saved:
    """Hold what became of a form: the values with their images, faults of images, and who was first."""

    block_id: str
    values: Values
    faults: dict[str, str] = field(default_factory=dict)
    stale: Stale | None = None
    left: bool = False  # it is no draft any more
    full: bool = False


@compose_block.errorhandler(NotADraft)
def closed(reason: NotADraft) -> ResponseReturnValue:
    return reason.answer()


@compose_block.get("")
def form(issue_id: UUID, block_id: str) -> ResponseReturnValue:
    with transaction() as db:
        found, document = opened(db, issue_id)
    block = drafts.block_of(document, block_id)
    if by_script():
        return _form_for_script(found, block, block_id)
    if block is None:
        flash(_("Ce bloc a été retiré de la lettre."), "info")
        return redirect(url_for("desk.compose.page", issue_id=issue_id))
    faults = said().faults(drafts.block_faults(block)) if request.args.get("checked") else {}
    return _page(found, block, block["revision"], faults)


@compose_block.post("")
def save(issue_id: UUID, block_id: str) -> ResponseReturnValue:
    kind, revision = request.form.get("kind", ""), number_in("revision")
    if kind not in KINDS:
        abort(400)
    with transaction() as db:
        found = fetch(db, issue_id)
        saved = _saved(db, found, block_id, kind, revision)
    if by_script():
        return _told(issue_id, saved)
    if saved.stale or saved.left or saved.full:
        return _refused(found, block_id, saved), 409
    block = saved.values | {"id": saved.block_id}
    if saved.faults:
        return _page(found, block, revision + 1, saved.faults), 422
    return _after(issue_id, saved.block_id, block)


@compose_block.get("/preview")
def preview(issue_id: UUID, block_id: str) -> ResponseReturnValue:
    """Show one block as its readers will see it, alone in a frame."""
    with transaction() as db:
        found, _document = opened(db, issue_id)
        return previewing.shown(
            lambda locale: lifecycle.rendered_block(db, found, block_id, settings(), locale=locale),
            locale_of(found),
        )


def _saved(db: Session, found: Issue, block_id: str, kind: str, revision: int) -> Saved:
    """Keep the images first, so that they are there whoever wins; then the block."""
    saved = Saved(block_id, {"kind": kind} | fields.typed(fields.of_kind(kind), request.form))
    try:
        _keep_images(db, found, saved)
        saved.block_id = composing.save_block(db, found, block_id, saved.values, revision=revision)
    except Stale as stale:
        saved.stale = None if _is_same(stale.theirs, saved.values) else stale
    except ForbiddenMove:
        saved.left = True
    except TooManyBlocks:
        saved.full = True
    else:
        record(db, found, "issue edit", block=saved.block_id)
    return saved


def _is_same(theirs: Values | None, mine: Values) -> bool:
    """Return whether nothing would change: the answer to one's own last save was lost on its way."""
    return theirs is not None and drafts.written_block(theirs) == drafts.written_block(mine)


def _keep_images(db: Session, found: Issue, saved: Saved) -> None:
    names = {each.name for each in fields.of_kind(saved.values["kind"])} & set(PICTURES)
    for name in names:
        file = request.files.get(f"{name}.src")
        if file is None or not file.filename:
            continue
        try:
            src = composing.keep_image(db, found, file.filename, received(file, assets.MAX_BYTES + 1))
        except BadImage as fault:
            sentence = words("issues", labels.language())["faults"][str(fault)]
            saved.faults[f"{name}.src"] = _("Cette image n’a pas été prise : %(why)s.", why=sentence)
        else:
            saved.values[name] = saved.values.get(name, {}) | {"src": src}


def _after(issue_id: UUID, block_id: str, block: Values) -> ResponseReturnValue:
    """Lead on: to the letter, or back to the form when something is missing or more is to come."""
    unfinished = bool(drafts.block_faults(block))
    if unfinished:
        flash(_("C’est enregistré. Il reste à compléter ce bloc avant l’envoi."), "info")
    else:
        flash(_("C’est enregistré."), "success")
    if request.form.get("then") != "stay" and not unfinished:
        return to_letter(issue_id, block_id)
    checked = None if request.form.get("then") == "stay" else 1
    return redirect(
        url_for("desk.compose_block.form", issue_id=issue_id, block_id=block_id, checked=checked), 303
    )


def _refused(found: Issue, block_id: str, saved: Saved) -> str:
    """Return the form as it was typed: nothing of it is lost, and saving again is a choice."""
    theirs = saved.stale.theirs if saved.stale else None
    now = drafts.block_of(composing.document(found), block_id)
    return _page(
        found, saved.values | {"id": block_id}, now["revision"] if now else 0, saved.faults,
        stale=bool(saved.stale), theirs=theirs, left=saved.left, full=saved.full,
    )  # fmt: skip


def _page(
    found: Issue, block: Values, revision: int, faults: dict[str, str],
    *, page: str = "desk/compose_block.html", **more: Any,
) -> str:  # fmt: skip
    return render_template(
        page,
        issue=found, block=block, fields=fields.of_kind(block["kind"]), revision=revision, faults=faults,
        excerpt=form_words.excerpt(block), said=said(),
        **{"stale": False, "theirs": None, "left": False, "full": False} | more,
    )  # fmt: skip


def _form_for_script(issue: Issue, block: Values | None, block_id: str) -> ResponseReturnValue:
    """Return the form alone; of a block that is gone, an empty one of its kind: it brings words back."""
    kind = request.args.get("kind", "")
    if block is None and kind not in KINDS:
        return jsonify(outcome="removed"), 404
    values = block or {"id": block_id, "kind": kind, "revision": 0}
    wanted = bool(block) and bool(request.args.get("checked"))
    faults = said().faults(drafts.block_faults(values)) if wanted else {}
    html = _page(issue, values, values["revision"], faults, page="desk/compose_form.html")
    return jsonify(revision=values["revision"], html=html)


def _told(issue_id: UUID, saved: Saved) -> ResponseReturnValue:
    """Tell a script what became of its save."""
    if saved.left or saved.full:
        return jsonify(outcome="left" if saved.left else "full"), 409
    with transaction() as db:
        issue, document = opened(db, issue_id)
        now = drafts.block_of(document, saved.block_id)
        if saved.stale or now is None:
            return _told_stale(issue, saved, now), 409
        row = compose_outline.row(issue, document, saved.block_id)
        history = compose_outline.history(issue, document)
    return jsonify(
        outcome="saved", block=saved.block_id, revision=now["revision"], row=row, history=history,
        told=_("Enregistré à %(hour)s", hour=compose_outline.hour()), refused=saved.faults,
        faults=said().faults(drafts.block_faults(now)),
    )  # fmt: skip


def _told_stale(issue: Issue, saved: Saved, now: Values | None) -> Response:
    mine = saved.values | {"id": saved.block_id}
    html = _page(
        issue, mine, 0, {}, page="desk/compose_conflict.html", owner=mine["kind"], values=mine, theirs=now
    )
    return jsonify(outcome="stale" if now else "removed", revision=now["revision"] if now else 0, html=html)
