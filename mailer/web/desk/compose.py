"""Door: the letter of a draft, block after block, and what one does with them."""

from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.issues import composing, draft_preview, drafts, fields, form_words, lifecycle
from mailer.issues.blocks import KINDS
from mailer.issues.drafts import Document, Stale, Values
from mailer.issues.models import Issue
from mailer.issues.state_machine import ForbiddenMove
from mailer.web.desk import check_lines
from mailer.web.desk.compose_draft import NotADraft, changed, number_in, opened, said, to_letter, tried

compose = Blueprint("compose", __name__, url_prefix="/issues/<uuid:issue_id>/compose")


@compose.errorhandler(NotADraft)
def closed(reason: NotADraft) -> ResponseReturnValue:
    return reason.page


@compose.get("")
def page(issue_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        found, document = opened(db, issue_id)
        return render_template(
            "desk/compose.html",
            issue=found,
            document=document,
            outline=[_line(block, found.assets) for block in document["blocks"]],
            head_missing=said().missing(form_words.HEAD, drafts.head_faults(document)),
            said=said(),
            **_checks(db, found, document),
        )


@compose.get("/head")
def head(issue_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        found, document = opened(db, issue_id)
    faults = said().faults(drafts.head_faults(document)) if request.args.get("checked") else {}
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
        return _refused_head(issue_id, typed, refusal), 409
    flash(_("L’objet et l’aperçu sont enregistrés."), "success")
    return to_letter(issue_id)


@compose.get("/add")
def choose(issue_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        found, _document = opened(db, issue_id)
    return render_template("desk/compose_add.html", issue=found, kinds=KINDS, said=said())


@compose.post("/add")
def add(issue_id: UUID) -> ResponseReturnValue:
    kind, after = request.form.get("kind", ""), request.form.get("after") or None
    if kind not in KINDS:
        abort(400)
    block_id = tried(
        issue_id, "issue edit", lambda db, found: composing.add(db, found, kind, after=after), added=kind
    )
    if block_id is None or not fields.of_kind(kind):
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


def _line(block: Values, known: dict[str, str]) -> Values:
    """Return what the outline says of a block."""
    return {
        "block": block,
        "excerpt": form_words.excerpt(block),
        "missing": said().missing(block["kind"], drafts.block_faults(block)),
        "shown": draft_preview.shown(block, known) is not None,
    }


def _checks(db: Session, found: Issue, document: Document) -> dict[str, object]:
    """Return what the checks say once nothing is missing."""
    if drafts.head_faults(document) or any(map(drafts.block_faults, document["blocks"])):
        return {"checked": None}  # the outline says it, beside each block
    return check_lines.section(
        db, found, lifecycle.findings(db, found, settings(), leaves=utcnow()), "compose"
    )


def _head_page(found: Issue, values: Values, revision: int, faults: dict[str, str], **more: object) -> str:
    return render_template(
        "desk/compose_head.html",
        issue=found, fields=fields.of_head(), values=values, revision=revision, faults=faults, said=said(),
        **{"theirs": None, "left": False} | more,
    )  # fmt: skip


def _refused_head(issue_id: UUID, typed: Values, refusal: Stale | ForbiddenMove) -> str:
    """Return the form as it was typed, with what somebody else has saved meanwhile."""
    with transaction() as db:
        found = lifecycle.get(db, issue_id) or abort(404)
        document = composing.document(found)
    theirs = refusal.theirs if isinstance(refusal, Stale) else None
    more = {"theirs": theirs, "left": isinstance(refusal, ForbiddenMove)}
    return _head_page(found, typed, document["revision"], {}, **more)
