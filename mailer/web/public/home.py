"""Door: a newsletter's home, where one signs up.

No page here has a session or a cookie, and no GET or HEAD changes anything.
"""

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.issues import archive
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter
from mailer.subscribers import signup
from mailer.subscribers.consent import wordings
from mailer.subscribers.consent.models import Wording
from mailer.web.network import network
from mailer.web.public.forms import SignupForm, shown_at
from mailer.web.security import FORM_LIMIT, limiter, may_be_framed

public = Blueprint("public", __name__)
LATEST = 3  # issues on the home page
MAX_ADDRESS = 254


def the_newsletter(db: Session, slug: str) -> Newsletter:
    """Return the one with this slug, or a 404."""
    return newsletters.newsletter(db, slug) or abort(404)


def wording_of(newsletter: str) -> Wording:
    """Return the text to be agreed to, in the page's language."""
    return wordings.current_wording(newsletter, settings().controller_name, str(get_locale()))


def were_shown(wordings: Iterable[Wording]) -> bool:
    """Return whether the page sent held these texts: a name or the language may have changed since."""
    shown = request.form.getlist("wording")
    return not shown or set(shown) == {wording.sha256.hex() for wording in wordings}


@public.get("/<slug>/")
def home(slug: str) -> ResponseReturnValue:
    return _home(slug, SignupForm())


@public.post("/<slug>/")
@limiter.limit(FORM_LIMIT, key_func=network)
def sign_up(slug: str) -> ResponseReturnValue:
    form = SignupForm(request.form)
    if not _kept(slug, form):
        return _home(slug, form), 422
    return redirect(url_for("public.check_your_mail", slug=slug), 303)


@public.get("/<slug>/check-your-mail")
def check_your_mail(slug: str) -> ResponseReturnValue:
    with transaction() as db:
        newsletter = the_newsletter(db, slug)
    return render_template("check_mailbox.html", asked="signup", framed=False, newsletter=newsletter)


@public.post("/<slug>/subscribe")
def begin(slug: str) -> ResponseReturnValue:
    """From a plain form on another site: the address is filled in, the wording is ours to show."""
    return _home(slug, SignupForm(email=request.form.get("email", "")[:MAX_ADDRESS]))


def _kept(slug: str, form: SignupForm) -> bool:
    """Keep a sign-up with the same statements whatever the address: a worker decides, later."""
    if not form.validate():
        return False
    with transaction() as db:
        newsletter = the_newsletter(db, slug)
        wording = wording_of(newsletter.name)
        if not form.was_read(slug, wording, utcnow()):
            return False
        if not form.is_robot:
            signup.request(
                db, newsletter_id=newsletter.id, email=form.address, name=form.given_name,
                locale=str(get_locale()), wording=wording, now=utcnow(),
            )  # fmt: skip
    return True


def _home(slug: str, form: SignupForm) -> str:
    with transaction() as db:
        newsletter = the_newsletter(db, slug)
        latest = archive.listing(db, newsletter, size=LATEST).entries
    return _form_page("newsletter.html", newsletter, form, issues=latest)


def _form_page(template: str, newsletter: Newsletter, form: SignupForm, **more: Any) -> str:
    wording = wording_of(newsletter.name)
    return render_template(
        template, newsletter=newsletter, form=form, wording=wording,
        shown=shown_at(newsletter.slug, wording, utcnow()), **more,
    )  # fmt: skip


# -- in a frame of another site --------------------------------------------------


@public.get("/<slug>/embed")
def framed(slug: str) -> ResponseReturnValue:
    return _framed(slug, SignupForm())


@public.post("/<slug>/embed")
@limiter.limit(FORM_LIMIT, key_func=network)
def sign_up_framed(slug: str) -> ResponseReturnValue:
    form = SignupForm(request.form)
    if not _kept(slug, form):
        return _framed(slug, form, 422)
    return redirect(url_for("public.check_your_mail_framed", slug=slug), 303)


@public.get("/<slug>/embed/check-your-mail")
def check_your_mail_framed(slug: str) -> ResponseReturnValue:
    with transaction() as db:
        newsletter = the_newsletter(db, slug)
    page = render_template("check_mailbox.html", asked="signup", framed=True, newsletter=newsletter)
    return may_be_framed(page)


@public.get("/<slug>/embed/code")
def embedding(slug: str) -> ResponseReturnValue:
    """Show what to paste into another site."""
    with transaction() as db:
        newsletter = the_newsletter(db, slug)
    return render_template("embed_code.html", newsletter=newsletter)


def _framed(slug: str, form: SignupForm, status: int = 200) -> ResponseReturnValue:
    with transaction() as db:
        newsletter = the_newsletter(db, slug)
    return may_be_framed(_form_page("embed.html", newsletter, form), status)
