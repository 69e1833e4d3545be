"""Door: send an issue as a test, to oneself or to the newsletter's testers as well."""

from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from mailer.core import audit
from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.issues import drafts, form_words
from mailer.issues.drafts import Document
from mailer.issues.lifecycle import NotReady
from mailer.notices import issue_tests
from mailer.notices.issue_tests import RefusedTest
from mailer.rendering.typography import typeset
from mailer.staff.models import Staff
from mailer.web.desk import labels
from mailer.web.desk.compose_draft import said
from mailer.web.desk.issue import fetch

tests = Blueprint("issue_tests", __name__, url_prefix="/issues/<uuid:issue_id>/test")
SHOWN = 4  # places that are to be completed, in one sentence


@tests.post("")
def send(issue_id: UUID) -> ResponseReturnValue:
    """Send it, or say why nothing was sent."""
    locale = labels.language()
    try:
        flash(_sent(issue_id, to_testers=request.form.get("to") == "testers"), "success")
    except RefusedTest as refused:
        flash(
            _("Aucun essai n’a été envoyé : %(why)s.", why=typeset(refused.sentence(locale), locale)), "error"
        )
    except NotReady as unfinished:
        missing = _missing(issue_id) or unfinished.sentence(locale)
        why = RefusedTest("unfinished", missing=missing).sentence(locale)
        flash(_("Aucun essai n’a été envoyé : %(why)s.", why=typeset(why, locale)), "error")
    page = "desk.compose.page" if request.form.get("back") == "compose" else "desk.issue.page"
    return redirect(url_for(page, issue_id=issue_id), 303)


def _sent(issue_id: UUID, *, to_testers: bool) -> str:
    with transaction() as db:
        found, by = fetch(db, issue_id), db.get_one(Staff, UUID(str(current_user.id)))
        test = issue_tests.send(db, found, by=by, to_testers=to_testers, settings=settings(), now=utcnow())
        details = {"issue": str(found.id), "revision": test.revision_id.hex(), "recipients": test.recipients}
        audit.record(db, who=str(by.id), what="issue test", details=details, now=utcnow())
        if not to_testers:
            return str(_("Un essai vous est envoyé, à %(email)s.", email=by.email))
        return str(ngettext(
            "Un essai est envoyé à %(n)s adresse.", "Un essai est envoyé à %(n)s adresses.", test.recipients,
            n=test.recipients,
        ))  # fmt: skip


def _missing(issue_id: UUID) -> str:
    """Return what is to be completed and where, as the outline of the composer says it."""
    with transaction() as db:
        document = drafts.identified(fetch(db, issue_id).content)
    places = _places(document)
    more = [_("et %(n)s autres endroits", n=len(places) - SHOWN)] if len(places) > SHOWN else []
    return " ; ".join([*places[:SHOWN], *more])


def _places(document: Document) -> list[str]:
    label, places = said(), []
    if head := label.missing(form_words.HEAD, drafts.head_faults(document)):
        places.append(", ".join(head))
    for place, block in enumerate(document["blocks"], 1):
        if fields := label.missing(block["kind"], drafts.block_faults(block)):
            kind = label.name(block["kind"])
            places.append(
                _("bloc %(place)s, %(kind)s (%(what)s)", place=place, kind=kind, what=", ".join(fields))
            )
    if not document["blocks"]:
        places.append(_("un premier bloc"))
    return places
