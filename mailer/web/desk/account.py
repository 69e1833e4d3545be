"""Door: one's own account at the desk: its password, and where one is logged in."""

from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import PasswordField

from mailer.core import audit
from mailer.core.db import transaction, utcnow
from mailer.staff import accounts, login_limits, logins, passwords, sessions
from mailer.staff.accounts import AccountRefused, Candidate
from mailer.staff.passwords import Busy
from mailer.web.desk.login import here, remember

account = Blueprint("account", __name__, url_prefix="/account")


class PasswordForm(FlaskForm):  # type: ignore[misc]
    current = PasswordField()
    new = PasswordField()
    again = PasswordField()


@dataclass(frozen=True)
class Fault:
    """Say what is wrong, and with which field."""

    field: str
    sentence: str
    status: int = 422


@account.get("")
def page() -> ResponseReturnValue:
    return _page()


@account.post("/password")
def change_password() -> ResponseReturnValue:
    """Change it; every session ends, and this browser is given a new one."""
    form = PasswordForm()
    with transaction() as db:
        places = login_limits.own_password(current_user.id)
        wait = login_limits.take(db, places, now=utcnow())
        candidate = accounts.oneself(db, current_user.id)
    try:
        fault = _too_soon() if wait else _fault(form, candidate)
        if fault is None and _changed(candidate, passwords.hashed(form.new.data)):
            flash(_("Votre mot de passe est changé. Vos autres sessions sont fermées."), "success")
            return redirect(url_for("desk.account.page"), 303)
    except Busy:
        fault = _too_soon()
    return _page(fault or _too_soon())


@account.post("/sessions/<uuid:session_id>/end")
def end(session_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        if not sessions.end(db, current_user.id, session_id):
            abort(404)
    flash(_("Cette session est fermée."), "success")
    return redirect(url_for("desk.account.page"), 303)


@account.post("/sessions/end-others")
def end_others() -> ResponseReturnValue:
    with transaction() as db:
        sessions.end_all(db, current_user.id, but=current_user.session_id)
    flash(_("Vos autres sessions sont fermées."), "success")
    return redirect(url_for("desk.account.page"), 303)


def _page(fault: Fault | None = None) -> ResponseReturnValue:
    with transaction() as db:
        open_ones = sessions.listing(db, current_user.id, now=utcnow())
    page = render_template(
        "desk/account.html", sessions=open_ones, fault=fault, least=passwords.MIN_PASSWORD,
        hours=sessions.LONGEST, idle=sessions.IDLE,
    )  # fmt: skip
    return page, fault.status if fault else 200


def _fault(form: PasswordForm, candidate: Candidate) -> Fault | None:
    """Return what is wrong with what was typed.  Raises Busy."""
    if logins.verify(candidate, form.current.data or "") is None:
        return Fault("current", _("Ce n’est pas votre mot de passe actuel."))
    if form.new.data != form.again.data:
        return Fault("again", _("Les deux mots de passe diffèrent : saisissez le nouveau deux fois."))
    if form.new.data == form.current.data:
        return Fault("new", _("Ce mot de passe est déjà le vôtre : choisissez-en un autre."))
    try:
        accounts.check(form.new.data or "", current_user.email, current_user.name)
    except AccountRefused as refused:
        return Fault("new", refused.sentence(str(get_locale())))
    return None


def _too_soon() -> Fault:
    return Fault("current", _("Rien n’a été changé. Réessayez dans quelques secondes."), 429)


def _changed(candidate: Candidate, password_hash: str) -> bool:
    """Return whether it was; not if another page, or the terminal, was faster."""
    staff_id, now = current_user.id, utcnow()
    with transaction() as db:
        if not accounts.set_password(db, staff_id, password_hash, epoch=candidate.epoch):
            return False
        audit.record(db, who=str(staff_id), what="staff password", details={}, now=now)
        opened = sessions.start(db, staff_id, epoch=candidate.epoch + 1, browser=here(), now=now)
    if opened:
        remember(opened)
    return True
