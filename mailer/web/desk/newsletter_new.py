"""Door: create a newsletter at the desk: its name and slug first, the rest on its own page."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from mailer.core import audit
from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.newsletters import newsletters
from mailer.newsletters.newsletters import PresentationRefused
from mailer.newsletters.presentation import NewsletterRefused
from mailer.rendering.typography import typeset
from mailer.web.desk import labels

newsletter_new = Blueprint("newsletter_new", __name__, url_prefix="/newsletters/new")
FIELDS = ("name", "slug", "from_address", "return_path_domain")


@newsletter_new.get("")
def page() -> ResponseReturnValue:
    return _page(dict.fromkeys(FIELDS, ""), {})


@newsletter_new.post("")
def create() -> ResponseReturnValue:
    typed = {name: request.form.get(name, "").strip() for name in FIELDS}
    try:
        with transaction() as db:
            values = newsletters.completed(typed, settings())
            created = newsletters.create_newsletter(db, **{"slug": ""} | values, now=utcnow())
            details = {"newsletter": created.slug}
            who = str(current_user.id)
            audit.record(db, who=who, what="newsletter create", details=details, now=utcnow())
    except NewsletterRefused as refused:
        return _page(typed, {"slug": refused}), 422
    except PresentationRefused as refused:
        return _page(typed, refused.faults), 422
    flash(_("La lettre est créée. Complétez ici la façon dont elle se présente."), "success")
    return redirect(url_for("desk.newsletter.page", slug=typed["slug"]), 303)


def _page(typed: dict[str, str], refused: dict[str, NewsletterRefused]) -> str:
    locale = labels.language()
    faults = {name: typeset(each.sentence(locale), locale) for name, each in refused.items()}
    return render_template("desk/newsletter_new.html", values=typed, faults=faults)
