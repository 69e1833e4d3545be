"""Door: the letter of a draft, block after block, and what one does with them."""

from uuid import UUID

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.issues import composing, drafts, fields, form_words, lifecycle
from mailer.issues.blocks import KINDS
from mailer.issues.drafts import Document, Stale, Values
from mailer.issues.models import Issue
from mailer.issues.state_machine import ForbiddenMove
from mailer.web.desk import check_lines, compose_outline
from mailer.web.desk.compose_draft import (
    NotADraft,
    by_script,
    changed,
    number_in,
    opened,
    said,
    to_letter,
    tried,
)

compose = Blueprint("compose", __name__, url_prefix="/issues/<uuid:issue_id>/compose")


@compose.errorhandler(NotADraft)
def closed(reason: NotADraft) -> ResponseReturnValue:
    return reason.answer()


@compose.get("")
def page(issue_id: UUID) -> ResponseReturnValue:
    if by_script():
        return to_letter(issue_id)
    with transaction() as db:
        found, document = opened(db, issue_id)
        return render_template(
            "desk/compose.html",
            head_missing=compose_outline.head_missing(document),
            versions=compose_outline.versions(document),
            **_checks(db, found, document),
            **compose_outline.context(found, document),
        )


@compose.get("/head")
def head(issue_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        found, document = opened(db, issue_id)
    faults = said().faults(drafts.head_faults(document)) if request.args.get("checked") else {}
    if by_script():
        html = _head_page(found, document, document["revision"], faults, page="desk/compose_head_form.html")
        return jsonify(revision=document["revision"], html=html)
    return _head_page(found, document, document["revision"], faults)


@compose.post("/head")
def save_head(issue_id: UUID) -> ResponseReturnValue:
    """Keep subject, preheader and the like as they were typed."""
    typed, revision = fields.typed(fields.of_head(), request.form), number_in("revision")
    try:
        changed(
            issue_id, "issue edit",
            lambda db, found: composing.save_head(db, found, typed, revision=revision), part="head",
        )  # fmt: skip
    except (Stale, ForbiddenMove) as refusal:
        return _refused_head(issue_id, typed, refusal)
    if by_script():
        return _saved_head(issue_id)
    flash(_("L’objet et l’aperçu sont enregistrés."), "success")
    return to_letter(issue_id)


@compose.get("/add")
def choose(issue_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        found, _document = opened(db, issue_id)
    page = "desk/compose_kinds.html" if by_script() else "desk/compose_add.html"
    html = render_template(page, issue=found, kinds=KINDS, said=said())
    return jsonify(html=html) if by_script() else html


@compose.post("/add")
def add(issue_id: UUID) -> ResponseReturnValue:
    kind, after = request.form.get("kind", ""), request.form.get("after") or None
    if kind not in KINDS:
        abort(400)
    block_id = tried(
        issue_id, "issue edit", lambda db, found: composing.add(db, found, kind, after=after), added=kind
    )
    if block_id is None or by_script() or not fields.of_kind(kind):
        return to_letter(issue_id, block_id or "")
    return redirect(url_for("desk.compose_block.form", issue_id=issue_id, block_id=block_id), 303)


@compose.post("/blocks/<block_id>/move")
def move(issue_id: UUID, block_id: str) -> ResponseReturnValue:
    """Put it at a place, which "up" and "down" name as well."""
    place, order = number_in("place"), number_in("order")
    now_at = tried(
        issue_id, "issue edit",
        lambda db, found: composing.move(db, found, block_id, place, order=order), moved=block_id,
    )  # fmt: skip
    if now_at:
        flash(_("Le bloc est maintenant à la place %(place)s.", place=now_at), "success")
    return to_letter(issue_id, block_id)


@compose.post("/blocks/<block_id>/duplicate")
def duplicate(issue_id: UUID, block_id: str) -> ResponseReturnValue:
    copy = tried(
        issue_id, "issue edit", lambda db, found: composing.duplicate(db, found, block_id), copied=block_id
    )
    if copy:
        flash(_("Le bloc est en double : la copie suit l’original."), "success")
    return to_letter(issue_id, copy or block_id)


@compose.post("/blocks/<block_id>/remove")
def remove(issue_id: UUID, block_id: str) -> ResponseReturnValue:
    revision = number_in("revision")

    def act(db: Session, found: Issue) -> bool:
        composing.remove(db, found, block_id, revision=revision)
        return True

    if tried(issue_id, "issue edit", act, removed=block_id):
        flash(_("Le bloc est retiré. Le bouton « Annuler » le remet à sa place."), "success")
    return to_letter(issue_id)


def _checks(db: Session, found: Issue, document: Document) -> dict[str, object]:
    """Return what the checks say once nothing is missing."""
    if drafts.head_faults(document) or any(map(drafts.block_faults, document["blocks"])):
        return {"checked": None}  # the outline says it, beside each block
    return check_lines.section(
        db, found, lifecycle.findings(db, found, settings(), leaves=utcnow()), "compose"
    )


def _head_page(
    found: Issue, values: Values, revision: int, faults: dict[str, str],
    *, page: str = "desk/compose_head.html", **more: object,
) -> str:  # fmt: skip
    return render_template(
        page,
        issue=found, fields=fields.of_head(), values=values, revision=revision, faults=faults, said=said(),
        **{"theirs": None, "left": False} | more,
    )  # fmt: skip


def _saved_head(issue_id: UUID) -> ResponseReturnValue:
    """Tell a script that the head is saved, and how it is listed now."""
    with transaction() as db:
        issue, document = opened(db, issue_id)
        return jsonify(
            outcome="saved", block=form_words.HEAD, revision=document["revision"],
            told=_("Enregistré à %(hour)s", hour=compose_outline.hour()),
            faults=said().faults(drafts.head_faults(document)), row=compose_outline.head(issue, document),
            history=compose_outline.history(issue, document),
        )  # fmt: skip


def _refused_head(issue_id: UUID, typed: Values, refusal: Stale | ForbiddenMove) -> ResponseReturnValue:
    """Return the form as it was typed, with what somebody else has saved meanwhile."""
    with transaction() as db:
        found = lifecycle.get(db, issue_id) or abort(404)
        document = composing.document(found)
    if not by_script():
        theirs = refusal.theirs if isinstance(refusal, Stale) else None
        left = isinstance(refusal, ForbiddenMove)
        return _head_page(found, typed, document["revision"], {}, theirs=theirs, left=left), 409
    if isinstance(refusal, ForbiddenMove):
        return jsonify(outcome="left"), 409
    if refusal.theirs == typed:  # the answer to our own last save was lost on its way
        return _saved_head(issue_id)
    html = _head_page(
        found, typed, document["revision"], {}, page="desk/compose_conflict.html",
        owner=form_words.HEAD, theirs=refusal.theirs,
    )  # fmt: skip
    return jsonify(outcome="stale", revision=document["revision"], html=html), 409
