"""Door: what the privacy officer does to somebody's data within a case: freeze, unfreeze, erase."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, StringField

from mailer.core.address import InvalidAddress, normalise
from mailer.core.db import transaction, utcnow
from mailer.privacy.cases import register
from mailer.privacy.cases.register import ClosedCase
from mailer.privacy.models import RightsRequest
from mailer.privacy.rights import by_staff, erasure_worker
from mailer.privacy.rights.by_staff import AnotherAddress, NobodyThere, NotRestricted
from mailer.privacy.rights.erasure import ErasureWaits
from mailer.rendering.typography import long_day
from mailer.web.desk import labels
from mailer.web.desk.cases import Refusal, fetch, show, words

data = Blueprint("rights_data", __name__, url_prefix="/rights/<uuid:case_id>")
data.context_processor(words)


Act = Callable[[Session, RightsRequest], tuple[str, str]]  # what it says, and in which tone


class EraseForm(FlaskForm):  # type: ignore[misc]
    """The address, typed; twice if the case has none to compare it with."""

    email = StringField()
    again = StringField()
    never_again = BooleanField()


@data.post("/restrict")
def restrict(case_id: UUID) -> ResponseReturnValue:
    return _told(case_id, _restricted)


@data.post("/lift")
def lift(case_id: UUID) -> ResponseReturnValue:
    return _told(case_id, _lifting)


@data.post("/erase")
def erase(case_id: UUID) -> ResponseReturnValue:
    """Whole or not at all; what cannot be done at once is tried again by the service."""
    form = EraseForm()
    try:
        with transaction() as db:
            _ask(db, fetch(db, case_id), form)
    except ClosedCase:
        return _back(case_id, _("Rien n’a changé : ce dossier est clos."), "info")
    except Refusal as refusal:
        return show(case_id, act="erase", typed=form.email.data or "", fault=refusal.sentence), 422
    return _erased(case_id)


def _ask(db: Session, case: RightsRequest, form: EraseForm) -> None:
    """Ask for the erasure.  Raises ClosedCase, Refusal."""
    email = _typed(form.email.data)
    if case.email is None and email != _typed(form.again.data):
        raise Refusal("again", _("Les deux adresses diffèrent : saisissez la même deux fois."))
    try:
        by_staff.ask_erasure(
            db, email, never_again=form.never_again.data, by=str(current_user.id), case=case, now=utcnow()
        )
    except AnotherAddress:
        raise Refusal("email", _("Ce n’est pas l’adresse de ce dossier : rien n’est effacé. Saisissez-la à "
                                 "l’identique.")) from None  # fmt: skip


def _erased(case_id: UUID) -> ResponseReturnValue:
    done = erasure_worker.attempt(case_id, clock=utcnow)
    if done is None:
        return _back(
            case_id, _("Rien n’est encore effacé : le service réessaie, et le dossier le dira."), "info"
        )
    if isinstance(done, ErasureWaits):
        day = long_day(done.until, labels.language())
        said = _("Plus rien ne part. Les données seront effacées le %(day)s : jusque-là, l’ancienne adresse "
                 "peut encore annuler le changement.", day=day)  # fmt: skip
        return _back(case_id, said, "info")
    if not done.first:
        return _back(case_id, _("Rien n’a changé : c’était déjà effacé."), "info")
    return _back(case_id, _("Les données sont effacées, et le certificat part à cette adresse."), "success")


def _told(case_id: UUID, act: Act) -> ResponseReturnValue:
    try:
        with transaction() as db:
            said, mood = act(db, fetch(db, case_id))
    except ClosedCase:
        return _back(case_id, _("Rien n’a changé : ce dossier est clos."), "info")
    except (NobodyThere, NotRestricted):
        return _back(case_id, _("Rien n’a changé : il n’y a rien à geler, ni à dégeler, ici."), "info")
    return _back(case_id, said, mood)


def _restricted(db: Session, case: RightsRequest) -> tuple[str, str]:
    changed = by_staff.restrict(db, case.email or "", by=str(current_user.id), case=case, now=utcnow())
    if not changed:
        return _("Rien n’a changé : ces données étaient déjà gelées."), "info"
    return _("Les données sont gelées, et la personne en est informée."), "success"


def _lifting(db: Session, case: RightsRequest) -> tuple[str, str]:
    ends = by_staff.lift(db, case.email or "", by=str(current_user.id), case=case, now=utcnow())
    day = long_day(register.today(ends), labels.language())
    return _("La personne est avertie que le gel prend fin le %(day)s.", day=day), "success"


def _typed(address: str | None) -> str:
    """Normalised.  Raises Refusal."""
    try:
        return normalise(address or "")
    except InvalidAddress:
        raise Refusal("email", _("Saisissez l’adresse à effacer, en entier.")) from None


def _back(case_id: UUID, said: str, mood: str) -> ResponseReturnValue:
    flash(said, mood)
    return redirect(url_for("desk.rights.page", case_id=case_id), 303)
