"""Door: logging in to the desk, and out of it."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, Flask, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField

from mailer.core.db import transaction
from mailer.staff import accounts
from mailer.staff.models import Staff
from mailer.web.security import limiter

login = Blueprint("login", __name__)
SESSION = timedelta(hours=10)  # a working day


@dataclass(frozen=True)
class Account(UserMixin):  # type: ignore[misc]
    """Whoever is logged in."""

    id: UUID
    name: str


class LoginForm(FlaskForm):  # type: ignore[misc]
    email = EmailField()
    password = PasswordField()


def init_login(app: Flask) -> None:
    """Give the app its login manager."""
    app.config["PERMANENT_SESSION_LIFETIME"] = SESSION
    manager = LoginManager(app)
    manager.login_view = "login.page"
    manager.login_message = lazy_gettext("Identifiez-vous pour ouvrir cette page.")
    manager.login_message_category = "info"
    manager.user_loader(_account)


@login.get("/login")
def page() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(_destination())
    return render_template("desk/login.html", form=LoginForm(), fault=None)


@login.post("/login")
@limiter.limit("10 per minute; 60 per hour")
def enter() -> ResponseReturnValue:
    form = LoginForm()
    with transaction() as db:
        staff = accounts.authenticate(db, form.email.data or "", form.password.data or "")
    if staff is None:
        fault = _("L’adresse ou le mot de passe ne convient pas.")
        return render_template("desk/login.html", form=form, fault=fault), 422
    session.clear()  # nothing from before the login is trusted after it
    session.permanent = True
    login_user(Account(staff.id, staff.name))
    return redirect(_destination(), 303)


@login.post("/logout")
def leave() -> ResponseReturnValue:
    logout_user()
    session.clear()
    flash(_("Vous êtes déconnecté."), "info")
    return redirect(url_for("login.page"), 303)


def _account(staff_id: str) -> Account | None:
    with transaction() as db:
        staff = db.get(Staff, UUID(staff_id))
        return Account(staff.id, staff.name) if staff else None


def _destination() -> str:
    """Return where to go next: the local path that was asked for, or the desk."""
    asked = request.args.get("next", "")
    parts = urlsplit(asked)
    local = asked.startswith("/") and not asked.startswith("//") and "\\" not in asked
    if local and asked.isprintable() and not (parts.scheme or parts.netloc):
        return asked
    return url_for("desk.issues")
