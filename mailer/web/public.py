"""Door: a newsletter's home, where one signs up.

No page here has a session or a cookie, and no GET or HEAD changes anything.
"""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from sqlalchemy.orm import Session

from mailer.db import transaction, utcnow
from mailer.issues import editing
from mailer.issues.models import Newsletter
from mailer.people import consent, signup
from mailer.people.models import Wording
from mailer.settings import settings
from mailer.web.security import FORM_LIMIT, limiter, network
from mailer.web.signup import SignupForm, shown_at

public = Blueprint("public", __name__)
LATEST = 3


def the_newsletter(db: Session, slug: str) -> Newsletter:
    """The one with this slug, or a 404."""
    return editing.newsletter(db, slug) or abort(404)


def wording_of(newsletter: str) -> Wording:
    """The text to be agreed to, in the page's language."""
    return consent.current_wording(newsletter, settings().controller_name, str(get_locale()))


@public.get("/<slug>/")
def home(slug: str) -> ResponseReturnValue:
    return _home(slug, SignupForm())


@public.post("/<slug>/")
@limiter.limit(FORM_LIMIT, key_func=network)
def sign_up(slug: str) -> ResponseReturnValue:
    """The same statements, answer and page whatever the address: a worker decides, later."""
    form = SignupForm(request.form)
    if not (form.validate() and form.took_its_time(slug, utcnow())):
        return _home(slug, form), 422
    with transaction() as db:
        newsletter = the_newsletter(db, slug)
        if not form.is_robot:
            signup.request(
                db, newsletter_id=newsletter.id, email=form.address, name=form.given_name,
                locale=str(get_locale()), wording=wording_of(newsletter.name), now=utcnow(),
            )  # fmt: skip
    return redirect(url_for("public.check_your_mail", slug=slug), 303)


@public.get("/<slug>/check-your-mail")
def check_your_mail(slug: str) -> ResponseReturnValue:
    with transaction() as db:
        newsletter = the_newsletter(db, slug)
    return render_template("check.html", newsletter=newsletter)


def _home(slug: str, form: SignupForm) -> str:
    with transaction() as db:
        newsletter = the_newsletter(db, slug)
        latest = editing.published(db, newsletter.id)[:LATEST]
    return render_template(
        "newsletter.html", newsletter=newsletter, form=form, issues=latest,
        wording=wording_of(newsletter.name), shown=shown_at(slug, utcnow()),
    )  # fmt: skip
