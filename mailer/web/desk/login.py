"""Door: logging in to the desk, and out of it.

The browser's cookie holds a session's secret; who that is, and whether it still opens anything, is asked of
the database at each request.
"""

import math
from dataclasses import asdict
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from flask import (
    Blueprint,
    Flask,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf import FlaskForm
from sqlalchemy.exc import SQLAlchemyError
from wtforms import EmailField, PasswordField

from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.staff import login_limits, logins, sessions
from mailer.staff.logins import Attempt
from mailer.staff.passwords import Busy
from mailer.staff.sessions import LoggedIn
from mailer.web.desk import browser
from mailer.web.network import visitor

login = Blueprint("login", __name__)
UNASKED = {"desk.compose_presence.here", "desk.compose_presence.left"}  # what pages tell by themselves
DEVICE = "device"  # cookie: this browser has logged in before
BUSY = 2  # seconds


class Account(LoggedIn, UserMixin):  # type: ignore[misc]
    """Hold whoever is logged in."""

    @property
    def id(self) -> UUID:
        """Return the id of the account."""
        return self.staff_id

    def get_id(self) -> str:
        """Return what the cookie holds."""
        return self.secret


class LoginForm(FlaskForm):  # type: ignore[misc]
    email = EmailField()
    password = PasswordField()


def init_login(app: Flask) -> None:
    """Give the app its login manager."""
    app.config["PERMANENT_SESSION_LIFETIME"] = sessions.LONGEST
    manager = LoginManager(app)
    manager.session_protection = None  # the database says whether a session lives
    manager.login_view = "login.page"
    manager.login_message = lazy_gettext("Connectez-vous pour ouvrir cette page.")
    manager.login_message_category = "info"
    manager.user_loader(_account)


@login.get("/login")
def page() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(_destination())
    return render_template("desk/login.html", form=LoginForm(), fault=None)


@login.post("/login")
def enter() -> ResponseReturnValue:
    """Verify a password with no transaction open, since hashing takes its time."""
    form, device = LoginForm(), request.cookies.get(DEVICE, "")
    with transaction() as db:
        attempt = logins.begin(db, form.email.data or "", network=visitor(), device=device, now=utcnow())
    if attempt.wait:
        return _later(form, attempt.wait)
    try:
        kept = logins.verify(attempt.candidate, form.password.data or "")
    except Busy:
        with transaction() as db:
            logins.abandon(db, attempt)
        return _busy(form)
    answer = _opened(attempt, kept) if kept else None
    return answer or _refused(form)


@login.post("/logout")
def leave() -> ResponseReturnValue:
    _end_session()
    flash(_("Déconnexion effectuée."), "info")
    return redirect(url_for("login.page"), 303)


def remember(opened: LoggedIn) -> None:
    """Have this browser hold a session; nothing from before it is trusted after it."""
    session.clear()
    session.permanent = True
    login_user(Account(**asdict(opened)))


def here() -> str:
    """Name the browser that asks."""
    return browser.named(request.headers.get("User-Agent", ""))


def _opened(attempt: Attempt, kept: str) -> ResponseReturnValue | None:
    _end_session()
    with transaction() as db:
        opened = logins.finish(db, attempt, kept, browser=here(), now=utcnow())
    if opened is None:
        return None
    remember(opened)
    answer = make_response(redirect(_destination(), 303))
    answer.set_cookie(
        DEVICE, login_limits.device(opened.staff_id), max_age=login_limits.DEVICE_FOR, path="/login",
        httponly=True, samesite="Strict", secure=settings().public_url.startswith("https://"),
    )  # fmt: skip
    return answer


def _end_session() -> None:
    if current_user.is_authenticated:
        with transaction() as db:
            sessions.end(db, current_user.id, current_user.session_id)
    logout_user()
    session.clear()


def _refused(form: LoginForm) -> ResponseReturnValue:
    fault = _("Adresse ou mot de passe incorrect.")
    return render_template("desk/login.html", form=form, fault=fault), 422


def _later(form: LoginForm, wait: timedelta) -> ResponseReturnValue:
    seconds = math.ceil(wait.total_seconds())
    fault = ngettext(
        "Trop d’essais à la suite. Réessayez dans %(num)d seconde.",
        "Trop d’essais à la suite. Réessayez dans %(num)d secondes.",
        seconds,
    )
    page = render_template("desk/login.html", form=form, fault=fault)
    return page, 429, {"Retry-After": str(seconds)}


def _busy(form: LoginForm) -> ResponseReturnValue:
    fault = _("Beaucoup de personnes se connectent en ce moment. Réessayez dans quelques secondes.")
    page = render_template("desk/login.html", form=form, fault=fault)
    return page, 503, {"Retry-After": str(BUSY)}


def _account(secret: str) -> Account | None:
    """Return who is logged in; nobody on the page that says that the database cannot be asked."""
    if "unasked" in g:
        return None
    try:
        with transaction() as db:
            found = sessions.resume(db, secret, now=utcnow(), is_act=_is_act())
    except SQLAlchemyError:
        g.unasked = True
        raise
    return Account(**asdict(found)) if found else None


def _is_act() -> bool:
    """Return whether somebody asked: what a page looks up by itself keeps no session alive."""
    if request.method == "GET":
        return request.headers.get("Sec-Fetch-Dest") != "empty"
    return request.endpoint not in UNASKED


def _destination() -> str:
    """Return where to go next: the local path that was asked for, or the desk."""
    asked = request.args.get("next", "")
    parts = urlsplit(asked)
    local = asked.startswith("/") and not asked.startswith("//") and "\\" not in asked
    if local and asked.isprintable() and not (parts.scheme or parts.netloc):
        return asked
    return url_for("desk.issues")
