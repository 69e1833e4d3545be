"""Door: the picture of one block: chosen in the library, or cut so that what matters fills it."""

import re
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from mailer.core.db import transaction
from mailer.issues import assets, library, stored_images
from mailer.issues import block_images as use_cases
from mailer.issues.assets import AssetFile, BadImage
from mailer.issues.crops import EDGES, LEAST, UNCUT, Crop, Focus, Ratio
from mailer.issues.drafts import PICTURES, Stale, Values, block_of
from mailer.issues.models import Issue
from mailer.issues.state_machine import ForbiddenMove
from mailer.web.desk import labels
from mailer.web.desk.compose_draft import NotADraft, opened, record, said
from mailer.web.desk.images import a_page, query, refusal
from mailer.web.desk.issue import fetch

M = TypeVar("M", Ratio, Focus)
block_images = Blueprint(
    "block_images", __name__,
    url_prefix=f"/issues/<uuid:issue_id>/compose/blocks/<block_id>/<any({', '.join(PICTURES)}):field>",
)  # fmt: skip
_NUMBER = re.compile(r"[0-9]{1,3}")
LIBRARY, CROP = "library", "crop"  # what the form of a block asks for: "crop.portrait"


@dataclass(frozen=True)
class Shown:
    """Hold the picture of a block, and what it was cut from."""

    issue: Issue
    block: Values
    image: AssetFile
    original: AssetFile


@block_images.errorhandler(NotADraft)
def closed(reason: NotADraft) -> ResponseReturnValue:
    return reason.page


def image_page(issue_id: UUID, block_id: str) -> ResponseReturnValue | None:
    """Lead from the form of a block, once it is saved, to the page that its button asked for."""
    page, _dot, field = request.form.get("then", "").partition(".")
    if page not in (LIBRARY, CROP) or field not in PICTURES:
        return None
    endpoint = f"desk.block_images.{'choose' if page == LIBRARY else 'crop'}"
    return redirect(url_for(endpoint, issue_id=issue_id, block_id=block_id, field=field), 303)


@block_images.get("/library")
def choose(issue_id: UUID, block_id: str, field: str) -> ResponseReturnValue:
    with transaction() as db:
        found, document = opened(db, issue_id)
        entries = library.listing(db, found.newsletter, query())
        return render_template(
            "desk/image_choose.html",
            issue=found, block=block_of(document, block_id) or abort(404), field_name=field, words=query(),
            total=len(entries), said=said(), **a_page(entries),
        )  # fmt: skip


@block_images.post("/library")
def take(issue_id: UUID, block_id: str, field: str) -> ResponseReturnValue:
    try:
        with transaction() as db:
            found = fetch(db, issue_id)
            entry = library.entry(db, found.newsletter, request.form.get("image", "")) or abort(404)
            use_cases.choose(db, found, block_id, field, entry)
            record(db, found, "issue edit", block=block_id, image=entry.image.sha256)
    except (Stale, ForbiddenMove):
        return _gone(issue_id)
    flash(_("L’image est dans le bloc. Relisez sa description : elle doit convenir ici."), "success")
    return _to_form(issue_id, block_id)


@block_images.get("/crop")
def crop(issue_id: UUID, block_id: str, field: str) -> ResponseReturnValue:
    with transaction() as db:
        shown = _shown(db, issue_id, block_id, field)
    return _page(shown, field, shown.image.crop, {})


@block_images.post("/crop")
def save_crop(issue_id: UUID, block_id: str, field: str) -> ResponseReturnValue:
    """Show what would be left, or cut."""
    wanted, faults = _typed() if request.form.get("then") != "whole" else (UNCUT, {})
    if faults or request.form.get("then") == "look":
        with transaction() as db:
            shown = _shown(db, issue_id, block_id, field)
        return _page(shown, field, wanted, faults), 422 if faults else 200
    try:
        with transaction() as db:
            found = fetch(db, issue_id)
            use_cases.crop(db, found, block_id, field, wanted)
            record(db, found, "issue edit", block=block_id, cropped=field)
    except (Stale, ForbiddenMove):
        return _gone(issue_id)
    except BadImage as fault:
        flash(refusal(fault), "error")
        return redirect(url_for(".crop", issue_id=issue_id, block_id=block_id, field=field), 303)
    flash(_("L’image est recadrée. Son original est gardé : vous pouvez la recadrer de nouveau."), "success")
    return _to_form(issue_id, block_id)


@block_images.get("/crop/result")
def result(issue_id: UUID, block_id: str, field: str) -> ResponseReturnValue:
    """Show what a crop would leave; without one, what it is cut from."""
    wanted, faults = _typed()
    with transaction() as db:
        shown = _shown(db, issue_id, block_id, field)
    try:
        part = assets.cut(shown.original, UNCUT if faults else wanted)
    except BadImage:
        abort(404)
    return Response(part.body, mimetype=part.media_type)


def _shown(db: Session, issue_id: UUID, block_id: str, field: str) -> Shown:
    """Return the picture of a block, or a 404."""
    found, document = opened(db, issue_id)
    block = block_of(document, block_id) or abort(404)
    image = use_cases.picture(db, found, block, field) or abort(404)
    return Shown(found, block, image, stored_images.original(db, image))


def _page(shown: Shown, field: str, wanted: Crop, faults: dict[str, str]) -> str:
    return render_template(
        "desk/image_crop.html",
        issue=shown.issue, block=shown.block, field_name=field, source=shown.original, crop=wanted,
        is_cut=not shown.image.crop.is_whole, edges=EDGES,
        typed={name: request.form.get(name, getattr(wanted, name)) for name in EDGES},
        faults=faults, said=said(), RATIOS=labels.called(Ratio), FOCUSES=labels.called(Focus),
    )  # fmt: skip


def _typed() -> tuple[Crop, dict[str, str]]:
    """Return the crop of a form or an address, and what is wrong with it, by field."""
    edges = {name: request.values.get(name, "").strip() or "0" for name in EDGES}
    numbers = {name: int(text) for name, text in edges.items() if _NUMBER.fullmatch(text)}
    faults = {name: str(_("Écrivez un nombre entier, de 0 à 90.")) for name in EDGES if name not in numbers}
    wanted = Crop(
        **numbers, ratio=_member(Ratio, "ratio", Ratio.AS_IS), focus=_member(Focus, "focus", Focus.CENTER)
    )
    if not wanted.leaves_enough:
        least = _("Il doit rester au moins %(least)s %% de l’image : diminuez ce nombre.", least=LEAST)
        faults |= {name: str(least) for name in EDGES if getattr(wanted, name)}
    return wanted, faults


def _member(of: type[M], name: str, usual: M) -> M:
    try:
        return of(request.values.get(name, usual))
    except ValueError:
        return usual


def _gone(issue_id: UUID) -> ResponseReturnValue:
    flash(_("Rien n’a changé : la lettre a été modifiée entre-temps. La voici comme elle est."), "info")
    return redirect(url_for("desk.compose.page", issue_id=issue_id), 303)


def _to_form(issue_id: UUID, block_id: str) -> ResponseReturnValue:
    return redirect(url_for("desk.compose_block.form", issue_id=issue_id, block_id=block_id, checked=1), 303)
