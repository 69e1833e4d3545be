"""Door: the way to one's rights: a form, a link to the mailbox, a short session.

The form and the link have neither session nor cookie; no GET or HEAD uses a link up, and no page before the
session names anybody.
"""

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.privacy.cases import access_links
from mailer.web.network import network
from mailer.web.public.forms import AddressForm
from mailer.web.public.rights.address import addresses
from mailer.web.security import LINK_LIMIT, limiter, private

rights = Blueprint("rights", __name__, url_prefix="/rights")
rights.after_request(private)
rights.register_blueprint(addresses)
COOKIE = "rights"
_OURS = {None, "same-origin", "none"}  # Sec-Fetch-Site: who sends a form here


@rights.before_request
def from_here() -> None:
    """Refuse a form that another site sends."""
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site") not in _OURS:
        abort(400)


@rights.post("")
@limiter.limit(LINK_LIMIT, key_func=network)
def send_link() -> ResponseReturnValue:
    """Answer alike, with the same statements, whatever the address: a worker decides, later."""
    form = AddressForm(request.form)
    if not form.validate():
        return render_template("rights.html", form=form), 422
    if not form.is_robot:
        with transaction() as db:
            access_links.request(db, email=form.address, locale=str(get_locale()), now=utcnow())
    return redirect(url_for("rights.check_your_mail"), 303)


@rights.get("/check-your-mail")
def check_your_mail() -> ResponseReturnValue:
    return render_template("check_mailbox.html", asked="rights", framed=False)


@rights.get("/<token>")
def open_link(token: str) -> ResponseReturnValue:
    with transaction() as db:
        good = access_links.valid(db, token, now=utcnow())
    return render_template("rights/open.html") if good else over()


@rights.post("/<token>")
@limiter.limit("60 per minute")
def enter(token: str) -> ResponseReturnValue:
    with transaction() as db:
        secret = access_links.enter(db, token, now=utcnow())
    if secret is None:
        return over()
    answer = make_response(redirect(url_for("yours.home"), 303))
    answer.set_cookie(
        COOKIE, secret, max_age=access_links.OPEN_FOR, path="/rights", httponly=True, samesite="Strict",
        secure=settings().public_url.startswith("https://"),
    )  # fmt: skip
    return answer


def over() -> ResponseReturnValue:
    """Show a link or a session that opens nothing any more, and the way on."""
    return render_template("rights/over.html"), 410
