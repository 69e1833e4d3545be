"""Door: whom the tests of a newsletter go to."""

from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session

from mailer.core import audit
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.newsletters.presentation import EDITABLE
from mailer.notices import testers
from mailer.notices.testers import RefusedTester
from mailer.rendering.typography import typeset
from mailer.web.desk import labels
from mailer.web.desk.newsletter import fetch, show

readers = Blueprint("newsletter_testers", __name__, url_prefix="/newsletters/<slug>/testers")


@readers.post("")
def add(slug: str) -> ResponseReturnValue:
    """Add somebody of the staff at once; ask anybody else first."""
    email = request.form.get("email", "")
    try:
        with transaction() as db:
            of = fetch(db, slug)
            added = testers.add(db, of, email, by=str(current_user.id), now=utcnow())
            _record(db, slug, "tester add", added.email)
            at_once = added.confirmed_at is not None
    except RefusedTester as refused:
        with transaction() as db:
            of = fetch(db, slug)
            kept = {name: getattr(of, name) for name in EDITABLE}
            fault = typeset(refused.sentence(labels.language()), labels.language())
            return show(db, of, kept, tester=email, tester_fault=fault), 422
    if at_once:
        flash(_("Cette adresse recevra les essais."), "success")
    else:
        flash(_("Une confirmation est demandée à cette adresse. Elle ne reçoit rien d’autre avant."), "info")
    return _back(slug)


@readers.post("/<uuid:tester_id>/remove")
def remove(slug: str, tester_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        of = fetch(db, slug)
        tester = testers.find(db, tester_id)
        if tester is None or tester.newsletter_id != of.id:
            abort(404)
        testers.end(db, tester)
        _record(db, slug, "tester remove", tester.email)
    flash(_("Cette adresse ne reçoit plus les essais."), "success")
    return _back(slug)


def _record(db: Session, slug: str, what: str, email: str) -> None:
    details = {"newsletter": slug, "who": fingerprint_of(email).hex()}
    audit.record(db, who=str(current_user.id), what=what, details=details, now=utcnow())


def _back(slug: str) -> ResponseReturnValue:
    return redirect(url_for("desk.newsletter.page", slug=slug, _anchor="testers"), 303)
