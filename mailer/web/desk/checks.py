"""Door: what the checks say of a letter: where, why, and the buttons that mend or look further."""

from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.issues import link_visits, mending
from mailer.issues.checks.mending import COLOPHON, button
from mailer.issues.models import Issue
from mailer.web.desk.compose_draft import number_in, tried
from mailer.web.desk.issue import fetch

checks = Blueprint("checks", __name__, url_prefix="/issues/<uuid:issue_id>/checks")


@checks.post("/mend")
def mend(issue_id: UUID) -> ResponseReturnValue:
    """Correct what a check found in a block, if that is as it was shown."""
    code, block_id, revision = (
        request.form.get("code", ""),
        request.form.get("block", ""),
        number_in("revision"),
    )
    if button(code) is None:
        abort(400)

    def act(db: Session, issue: Issue) -> str:
        return mending.mend(db, issue, code, block_id, revision=revision)

    if tried(issue_id, "issue mend", act, code=code, block=block_id):
        done = _("Un ours est ajouté : complétez-le.") if code == COLOPHON else _("C’est corrigé.")
        flash(done, "success")
    return _back(issue_id)


@checks.post("/links")
def links(issue_id: UUID) -> ResponseReturnValue:
    """Have the server look whether the addresses of the letter answer."""
    with transaction() as db:
        asked = link_visits.ask(db, fetch(db, issue_id), now=utcnow())
    flash(
        ngettext(
            "%(n)s adresse va être vérifiée. Rechargez la page dans quelques secondes.",
            "%(n)s adresses vont être vérifiées. Rechargez la page dans quelques secondes.",
            asked,
            n=asked,
        )
        if asked
        else _("Cette lettre n’a aucun lien vers une page."),
        "info",
    )
    return _back(issue_id)


def _back(issue_id: UUID) -> ResponseReturnValue:
    page = "desk.compose.page" if request.form.get("back") == "compose" else "desk.issue.page"
    return redirect(url_for(page, issue_id=issue_id, _anchor="checks"), 303)
