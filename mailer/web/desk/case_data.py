"""Door: what the privacy officer does within a case: find the person, then each right."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, SelectField, SelectMultipleField, StringField

from mailer.core.address import InvalidAddress, normalise
from mailer.core.db import transaction, utcnow
from mailer.core.i18n import supported
from mailer.core.settings import settings
from mailer.privacy.cases import register
from mailer.privacy.cases.register import BeingErased, ClosedCase
from mailer.privacy.models import Right, RightsRequest
from mailer.privacy.rights import by_staff, erasure_worker, export
from mailer.privacy.rights.by_staff import (
    AnotherAddress,
    DataRestricted,
    NobodyThere,
    NotFindable,
    NotRestricted,
)
from mailer.privacy.rights.erasure import ErasureWaits
from mailer.rendering.typography import long_day
from mailer.web.desk import labels
from mailer.web.desk.cases import Refusal, fetch, show, words

data = Blueprint("rights_data", __name__, url_prefix="/rights/<uuid:case_id>")
data.context_processor(words)


Act = Callable[[Session, RightsRequest], tuple[str, str]]  # what it says, and in which tone


class EraseForm(FlaskForm):  # type: ignore[misc]
    """Take the address, typed; twice if the case has none to compare it with."""

    email = StringField()
    again = StringField()
    never_again = BooleanField()


class DataForm(FlaskForm):  # type: ignore[misc]
    """Say what the other acts need: an address, a name and a language, newsletters."""

    email = StringField()
    name = StringField()
    locale = SelectField(validate_choice=False)
    newsletter = SelectMultipleField(validate_choice=False)


@data.post("/find")
def find(case_id: UUID) -> ResponseReturnValue:
    """Say whom the case is about, by the address given on the telephone or on paper."""
    return _told(case_id, _found, "find")


@data.post("/withdraw")
def withdraw(case_id: UUID) -> ResponseReturnValue:
    return _told(case_id, _withdrawn, "withdraw")


@data.post("/object")
def object_to(case_id: UUID) -> ResponseReturnValue:
    return _told(case_id, _objected)


@data.post("/correct")
def correct(case_id: UUID) -> ResponseReturnValue:
    return _told(case_id, _corrected)


@data.post("/address")
def change_address(case_id: UUID) -> ResponseReturnValue:
    return _told(case_id, _address_asked, "address")


@data.post("/link")
def send_link(case_id: UUID) -> ResponseReturnValue:
    return _told(case_id, _linked)


@data.post("/restrict")
def restrict(case_id: UUID) -> ResponseReturnValue:
    return _told(case_id, _restricted)


@data.post("/lift")
def lift(case_id: UUID) -> ResponseReturnValue:
    return _told(case_id, _lifting)


@data.post("/<any(access, portability):right>.zip")
def draw(case_id: UUID, right: str) -> ResponseReturnValue:
    """Download what is held, to hand it over: printed and by post, or in person."""
    try:
        with transaction() as db:
            case = fetch(db, case_id)
            body = by_staff.draw(
                db, _email_of(case), Right(right), by=str(current_user.id), case=case, now=utcnow()
            )
            said, number = export.words(case.locale), case.number
    except (ClosedCase, NobodyThere):
        return _back(case_id, _("Rien n’a changé : ce dossier est clôturé, ou n’a pas d’adresse."), "info")
    name = said["portable_file" if right == Right.PORTABILITY else "file"]
    headers = {"Content-Disposition": f'attachment; filename="{name}-{number}.zip"'}
    return Response(body, 200, headers, mimetype="application/zip")


@data.post("/erase")
def erase(case_id: UUID) -> ResponseReturnValue:
    """Whole or not at all; what cannot be done at once is tried again by the service."""
    form = EraseForm()
    try:
        with transaction() as db:
            _ask(db, fetch(db, case_id), form)
    except ClosedCase:
        return _back(case_id, _("Rien n’a changé : ce dossier est clôturé."), "info")
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
        raise Refusal("email", _("Ce n’est pas l’adresse de ce dossier : rien n’a été effacé. Saisissez-la à "
                                 "l’identique.")) from None  # fmt: skip


def _erased(case_id: UUID) -> ResponseReturnValue:
    done = erasure_worker.attempt(case_id, clock=utcnow)
    if done is None:
        return _back(
            case_id, _("Rien n’est encore effacé : le service réessaie, et le dossier l’indiquera."), "info"
        )
    if isinstance(done, ErasureWaits):
        day = long_day(done.until, labels.language())
        said = _("Plus rien n’est envoyé. Les données seront effacées le %(day)s : jusque-là, "
                 "l’ancienne adresse peut encore annuler le changement.", day=day)  # fmt: skip
        return _back(case_id, said, "info")
    if not done.first:
        return _back(case_id, _("Rien n’a changé : c’était déjà effacé."), "info")
    return _back(
        case_id, _("Les données sont effacées, et le certificat est envoyé à cette adresse."), "success"
    )


def _told(case_id: UUID, act: Act, name: str = "") -> ResponseReturnValue:
    """Do it and say what was done; `name`: of the form that is shown again with what is wrong in it."""
    try:
        with transaction() as db:
            said, mood = act(db, fetch(db, case_id))
    except ClosedCase:
        return _back(case_id, _("Rien n’a changé : ce dossier est clôturé."), "info")
    except (NobodyThere, NotRestricted):
        return _back(case_id, _("Rien n’a changé : il n’y a rien à faire pour cette adresse."), "info")
    except DataRestricted:
        frozen = _(
            "Rien n’a changé : l’utilisation de ces données est suspendue. Annoncez d’abord "
            "la fin de la limitation."
        )
        return _back(case_id, frozen, "info")
    except (NotFindable, BeingErased):
        return _back(case_id, _("Rien n’a changé : l’adresse de ce dossier ne se remplace pas."), "info")
    except Refusal as refusal:
        return show(case_id, act=name, typed=DataForm().email.data or "", fault=refusal.sentence), 422
    return _back(case_id, said, mood)


def _found(db: Session, case: RightsRequest) -> tuple[str, str]:
    email = _typed(DataForm().email.data, _("Saisissez l’adresse de la personne, en entier."))
    if by_staff.find(db, case, email, by=str(current_user.id), now=utcnow()):
        return _(
            "Des données sont détenues pour cette adresse : consultez-les, puis traitez la demande."
        ), "success"
    return _("Aucune donnée n’est détenue pour cette adresse. Vérifiez-la avec la personne."), "info"


def _withdrawn(db: Session, case: RightsRequest) -> tuple[str, str]:
    chosen = [UUID(each) for each in DataForm().newsletter.data or () if _is_id(each)]
    if not chosen:
        raise Refusal("newsletter", _("Cochez au moins une lettre."))
    done = by_staff.withdraw(
        db, _email_of(case), newsletters=chosen, by=str(current_user.id), case=case, now=utcnow()
    )
    if not done:
        return _("Rien n’a changé : la personne n’y était plus abonnée."), "info"
    return ngettext("La personne est désinscrite, et un courriel le lui confirme.",
                    "La personne est désinscrite de %(num)d lettres, et des courriels le lui "
                    "confirment.",
                    done), "success"  # fmt: skip


def _objected(db: Session, case: RightsRequest) -> tuple[str, str]:
    if not by_staff.object_to(db, _email_of(case), by=str(current_user.id), case=case, now=utcnow()):
        return _("Rien n’a changé : l’opposition était déjà enregistrée."), "info"
    return _("L’opposition est enregistrée, et la personne en est informée."), "success"


def _corrected(db: Session, case: RightsRequest) -> tuple[str, str]:
    form = DataForm()
    name = " ".join(register.tidy(form.name.data or "").split())[:80] or None
    changed = by_staff.correct(
        db, _email_of(case), name=name, locale=supported(form.locale.data, settings().default_locale),
        by=str(current_user.id), case=case, now=utcnow(),
    )  # fmt: skip
    if not changed:
        return _("Rien n’a changé : c’était déjà ainsi."), "info"
    return _("C’est corrigé."), "success"


def _address_asked(db: Session, case: RightsRequest) -> tuple[str, str]:
    new = _typed(DataForm().email.data, _("Saisissez la nouvelle adresse, en entier."))
    asked = by_staff.change_address(
        db, _email_of(case), new, by=str(current_user.id), case=case, now=utcnow()
    )
    if not asked:
        return _("Rien n’a changé : c’est déjà son adresse."), "info"
    said = _(
        "Un courriel est envoyé à la nouvelle adresse. Rien ne change avant sa confirmation, dans les deux "
        "jours ; le dossier se clôture alors de lui-même."
    )
    return said, "success"


def _linked(db: Session, case: RightsRequest) -> tuple[str, str]:
    by_staff.send_link(db, _email_of(case), by=str(current_user.id), case=case, now=utcnow())
    return _(
        "Le lien est envoyé à cette adresse. Il est valable une demi-heure et utilisable une seule fois."
    ), "success"


def _restricted(db: Session, case: RightsRequest) -> tuple[str, str]:
    changed = by_staff.restrict(db, _email_of(case), by=str(current_user.id), case=case, now=utcnow())
    if not changed:
        return _("Rien n’a changé : l’utilisation de ces données était déjà suspendue."), "info"
    return _("L’utilisation des données est suspendue, et la personne en est informée."), "success"


def _lifting(db: Session, case: RightsRequest) -> tuple[str, str]:
    ends = by_staff.lift(db, _email_of(case), by=str(current_user.id), case=case, now=utcnow())
    day = long_day(register.today(ends), labels.language())
    return _("La personne est informée que la limitation prend fin le %(day)s.", day=day), "success"


def _email_of(case: RightsRequest) -> str:
    """Return the address it is about.  Raises ClosedCase; NobodyThere when none was said yet."""
    if case.closed_at:
        raise ClosedCase
    if case.email is None:
        raise NobodyThere
    return case.email


def _typed(address: str | None, fault: str = "") -> str:
    """Normalised.  Raises Refusal."""
    try:
        return normalise(address or "")
    except InvalidAddress:
        raise Refusal("email", fault or _("Saisissez l’adresse à effacer, en entier.")) from None


def _is_id(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False


def _back(case_id: UUID, said: str, mood: str) -> ResponseReturnValue:
    flash(said, mood)
    return redirect(url_for("desk.rights.page", case_id=case_id), 303)
