"""Door: the images a newsletter has at hand: found, described, replaced in drafts, taken away."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from mailer.core import audit
from mailer.core.db import transaction, utcnow
from mailer.core.i18n import words
from mailer.issues import assets, library, pictures, stored_images
from mailer.issues.assets import BadImage
from mailer.issues.library import Entry, InUse
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter
from mailer.rendering.typography import typeset
from mailer.web.desk import labels
from mailer.web.desk.compose_draft import allow_images, received, said

images = Blueprint("images", __name__, url_prefix="/newsletters/<slug>/images")
images.url_value_preprocessor(allow_images)
PAGE = 24  # images
MAX_QUERY = 100


@images.errorhandler(RequestEntityTooLarge)
def too_much(_fault: RequestEntityTooLarge) -> ResponseReturnValue:
    flash(_("Ces fichiers dépassent 64 Mo en tout : rien n’a été pris. Ajoutez-en moins à la fois."), "error")
    return redirect(url_for("desk.images.home", slug=(request.view_args or {})["slug"]), 303)


@images.get("")
def home(slug: str) -> ResponseReturnValue:
    return _home(slug)


@images.post("")
def upload(slug: str) -> ResponseReturnValue:
    """Take one or more files; what is no image is named, and the others are taken."""
    files = [file for file in request.files.getlist("files") if file.filename]
    if not files:
        return _home(slug, [_("Choisissez d’abord un fichier.")]), 422
    faults = [fault for file in files if (fault := _uploaded(slug, file))]
    taken = len(files) - len(faults)
    if taken:
        flash(ngettext("L’image est dans la bibliothèque.", "Les %(num)d images sont dans la bibliothèque.",
                       taken), "success")  # fmt: skip
    if faults:
        return _home(slug, faults), 422
    return redirect(url_for("desk.images.home", slug=slug), 303)


@images.get("/<sha256>")
def page(slug: str, sha256: str) -> ResponseReturnValue:
    with transaction() as db:
        of = _newsletter(db, slug)
        return _page(of, _entry(db, of, sha256))


@images.post("/<sha256>")
def describe(slug: str, sha256: str) -> ResponseReturnValue:
    """Keep name, alternative text and credit."""
    typed = {name: request.form.get(name, "") for name in ("name", "alt", "credit")}
    fault = pictures.alt_fault(typed["alt"], typed["name"]) if typed["alt"].strip() else None
    with transaction() as db:
        of = _newsletter(db, slug)
        entry = _entry(db, of, sha256)
        if fault:
            return _page(of, entry, {"alt": said().fault(fault)}, typed), 422
        library.describe(db, of, sha256, **typed)
        _record(db, of, "image describe", sha256)
    flash(_("C’est enregistré."), "success")
    return redirect(url_for("desk.images.page", slug=slug, sha256=sha256), 303)


@images.post("/<sha256>/replace")
def replace(slug: str, sha256: str) -> ResponseReturnValue:
    """Show another image wherever drafts show this one."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return _refused(slug, sha256, _("Choisissez d’abord un fichier."))
    try:
        with transaction() as db:
            of = _newsletter(db, slug)
            _entry(db, of, sha256)
            new, drafts = library.replace(
                db, of, sha256, file.filename, received(file, assets.MAX_BYTES + 1),
                by=str(current_user.id), now=utcnow(),
            )  # fmt: skip
            _record(db, of, "image replace", sha256, by=new)
    except BadImage as fault:
        return _refused(slug, sha256, refusal(fault))
    flash(ngettext("L’image est remplacée dans %(num)d brouillon.",
                   "L’image est remplacée dans %(num)d brouillons.", drafts), "success")  # fmt: skip
    return redirect(url_for("desk.images.page", slug=slug, sha256=new), 303)


@images.post("/<sha256>/remove")
def remove(slug: str, sha256: str) -> ResponseReturnValue:
    try:
        with transaction() as db:
            of = _newsletter(db, slug)
            library.remove(db, of, sha256)
            _record(db, of, "image remove", sha256)
    except InUse:
        flash(_("Cette image est utilisée : elle reste dans la bibliothèque."), "error")
        return redirect(url_for("desk.images.page", slug=slug, sha256=sha256), 303)
    flash(_("L’image est retirée de la bibliothèque."), "success")
    return redirect(url_for("desk.images.home", slug=slug), 303)


def refusal(fault: BadImage) -> str:
    """Return why a file was not taken, and what to do."""
    locale = labels.language()
    why = typeset(words("issues", locale)["faults"][str(fault)], locale)
    return str(_("Cette image n’a pas été prise : %(why)s.", why=why))


def a_page(entries: list[Entry]) -> dict[str, object]:
    """Return the part of a list that is asked for, with where it is."""
    pages = max(-(-len(entries) // PAGE), 1)
    number = min(max(request.args.get("page", 1, int), 1), pages)
    return {"entries": entries[(number - 1) * PAGE : number * PAGE], "page": number, "pages": pages}


def query() -> str:
    """Return what is searched for."""
    return request.args.get("q", "")[:MAX_QUERY].strip()


def _uploaded(slug: str, file: FileStorage) -> str | None:
    """Return why a file was not taken, None if it was."""
    name = stored_images.short_name(file.filename or "")
    try:
        with transaction() as db:
            of = _newsletter(db, slug)
            image = stored_images.upload(db, received(file, assets.MAX_BYTES + 1))
            stored_images.keep_all(db, of, {name: image}, by=str(current_user.id), now=utcnow())
            _record(db, of, "image add", image.sha256)
    except BadImage as fault:
        return f"{name} — {refusal(fault)}"
    return None


def _home(slug: str, faults: list[str] | None = None) -> str:
    with transaction() as db:
        of = _newsletter(db, slug)
        found = library.listing(db, of, query())
        return render_template(
            "desk/images.html", newsletter=of, words=query(), total=len(found), faults=faults or [],
            **a_page(found),
        )  # fmt: skip


def _page(of: Newsletter, entry: Entry, faults: dict[str, str] | None = None, typed: object = None) -> str:
    values = {"name": entry.image.name, "alt": entry.image.alt, "credit": entry.image.credit}
    return render_template(
        "desk/image.html",
        newsletter=of,
        entry=entry,
        values=typed or values,
        faults=faults or {},
        said=said(),
    )


def _refused(slug: str, sha256: str, fault: str) -> ResponseReturnValue:
    with transaction() as db:
        of = _newsletter(db, slug)
        return _page(of, _entry(db, of, sha256), {"file": fault}), 422


def _newsletter(db: Session, slug: str) -> Newsletter:
    return newsletters.newsletter(db, slug) or abort(404)


def _entry(db: Session, of: Newsletter, sha256: str) -> Entry:
    return library.entry(db, of, sha256) or abort(404)


def _record(db: Session, of: Newsletter, what: str, sha256: str, **details: str) -> None:
    whole = {"newsletter": of.slug, "image": sha256} | details
    audit.record(db, who=str(current_user.id), what=what, details=whole, now=utcnow())
