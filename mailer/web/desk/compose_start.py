"""Door: begin a new issue, and take one away as a file."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.issues import starting
from mailer.issues.models import Issue
from mailer.issues.yaml_file import IssueFileError
from mailer.issues.zip_file import MAX_UNPACKED, UnreadableZip
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter
from mailer.newsletters.newsletters import UnknownNewsletter
from mailer.web.desk import labels
from mailer.web.desk.compose_draft import allow_images, received, record, to_letter
from mailer.web.desk.issue import fetch

compose_start = Blueprint("compose_start", __name__, url_prefix="/issues")
compose_start.url_value_preprocessor(allow_images)
Begin = Callable[[Session, Newsletter, datetime], Issue | None]


@compose_start.get("/new")
def page() -> ResponseReturnValue:
    return _page()


@compose_start.post("/new/last")
def follow() -> ResponseReturnValue:
    """Begin after the last issue of a newsletter."""
    done = _("Le numéro suivant est prêt. Relisez les blocs marqués : leurs dates ont été retirées.")
    return _begun(lambda db, of, now: starting.after_last(db, of, now=now), done)


@compose_start.post("/new/empty")
def begin() -> ResponseReturnValue:
    """Begin with the masthead and the colophon."""
    done = _("Le numéro est prêt, avec son en-tête et son ours.")
    return _begun(lambda db, of, now: starting.empty(db, of, now=now), done)


@compose_start.post("/new/file")
def take_file() -> ResponseReturnValue:
    """Begin with what a file holds."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return _page(_("Choisissez d’abord un fichier.")), 422
    try:
        with transaction() as db:
            made = starting.from_file(db, received(file, MAX_UNPACKED), file.filename, now=utcnow())
            record(db, made, "issue create", by="file")
            issue_id = made.id
    except (IssueFileError, UnreadableZip, UnknownNewsletter) as fault:
        return _page(fault.sentence(labels.language())), 422
    flash(_("Le fichier est devenu un brouillon."), "success")
    return to_letter(issue_id)


@compose_start.get("/<uuid:issue_id>/export.zip")
def export(issue_id: UUID) -> ResponseReturnValue:
    """Hand out an issue as the YAML file and the images that it can be made of again."""
    with transaction() as db:
        found = fetch(db, issue_id)
        body, stem = starting.exported(db, found), f"{found.newsletter.slug}-{found.id.hex[:8]}"
    response = Response(body, mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{stem}.zip"'
    return response


def _begun(begin: Begin, done: str) -> ResponseReturnValue:
    with transaction() as db:
        of = newsletters.newsletter(db, request.form.get("newsletter", "")) or abort(404)
        made = begin(db, of, utcnow())
        if made is not None:
            record(db, made, "issue create")
        issue_id = made.id if made else None
    if issue_id is None:
        flash(_("Cette lettre n’a pas encore de numéro : commencez par un numéro vide."), "info")
        return redirect(url_for("desk.compose_start.page"), 303)
    flash(done, "success")
    return to_letter(issue_id)


def _page(fault: str = "") -> str:
    with transaction() as db:
        listed = newsletters.newsletters(db)
        before = {each.slug: starting.last(db, each) for each in listed}
    return render_template("desk/compose_start.html", newsletters=listed, last=before, fault=fault)
