"""Door: the register of rights requests, for the privacy officer.  Staff have no roles yet: all see it."""

from collections import defaultdict
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import SelectField, StringField, TextAreaField

from mailer.core import audit
from mailer.core.address import InvalidAddress, normalise
from mailer.core.db import transaction, utcnow
from mailer.core.i18n import supported
from mailer.core.settings import settings
from mailer.notices.models import NoticeKind
from mailer.privacy.cases import register, statistics
from mailer.privacy.cases.deadlines import Pressure, pressure
from mailer.privacy.cases.register import BadDay
from mailer.privacy.mailbox.parse import Reason
from mailer.privacy.models import Channel, Outcome, Right, RightsEvent, RightsRequest
from mailer.privacy.rights import by_staff
from mailer.rendering.typography import long_day
from mailer.staff import accounts
from mailer.subscribers import subscribers, suppressions
from mailer.subscribers.models import SuppressionReason
from mailer.web.desk import downloads, labels

rights = Blueprint("rights", __name__, url_prefix="/rights")

NOTED = (Channel.POST, Channel.PHONE, Channel.DESK, Channel.EMAIL)  # what staff open a case for
T = TypeVar("T", Right, Channel)
STEPS = {
    "opened": lazy_gettext("Demande reçue"),
    "message": lazy_gettext("Nouveau courriel de la personne"),
    "quoted": lazy_gettext("Une autre adresse écrit en citant ce dossier"),
    "found": lazy_gettext("Adresse de la personne indiquée"),
    "link sent": lazy_gettext("Lien vers « Vos droits » envoyé"),
    "drawn": lazy_gettext("Données téléchargées pour la personne"),
    "corrected": lazy_gettext("Nom et langue corrigés"),
    "address asked": lazy_gettext("Nouvelle adresse : confirmation attendue depuis sa messagerie"),
    "unsubscribed": lazy_gettext("Désinscription faite"),
    "objected": lazy_gettext("Opposition enregistrée"),
    "qualified": lazy_gettext("Droit précisé"),
    "paused": lazy_gettext("Délai suspendu, précision demandée sur l’identité"),
    "resumed": lazy_gettext("Délai repris"),
    "extended": lazy_gettext("Délai prolongé de deux mois"),
    "alerted": lazy_gettext("Alerte envoyée au délégué à la protection des données"),
    "restricted": lazy_gettext("Utilisation des données suspendue"),
    "lifting": lazy_gettext("Fin de la limitation annoncée"),
    "to erase": lazy_gettext("Effacement demandé"),
    "not erased": lazy_gettext("Effacement impossible pour l’instant : le service réessaie"),
    "mail stopped": lazy_gettext("Envois arrêtés : l’ancienne adresse peut encore annuler le changement"),
    "erased": lazy_gettext("Données effacées"),
    "closed": lazy_gettext("Dossier clôturé"),
}
ACTORS = {
    register.SERVICE: lazy_gettext("le service"),
    register.PERSON: lazy_gettext("la personne"),
    audit.TERMINAL: lazy_gettext("la ligne de commande"),
}


class CaseForm(FlaskForm):  # type: ignore[misc]
    """Take a request that came by post, by phone, or by any way that no machine reads."""

    right = SelectField(validate_choice=False)
    channel = SelectField(validate_choice=False)
    received = StringField()
    email = StringField()
    name = StringField()
    locale = SelectField(validate_choice=False)
    text = TextAreaField()


class Refusal(Exception):
    """Say what is wrong with what was sent, in the reader's language, and the field at fault."""

    def __init__(self, field: str, sentence: str) -> None:
        self.field, self.sentence = field, sentence


@rights.context_processor
def words() -> dict[str, object]:
    """Return what the register's templates call things."""
    locale = labels.language()
    return {
        "RIGHTS": labels.called(Right), "CHANNELS": labels.called(Channel),
        "OUTCOMES": labels.called(Outcome), "STEPS": STEPS, "REASONS_OF_MAIL": labels.called(Reason),
        "LETTERS": labels.called(NoticeKind), "BARRED": labels.called(SuppressionReason), "left": left,
        "pressure_of": pressure_of,
        "long_day": lambda day: long_day(day, locale),
        "iso_day": lambda day: long_day(date.fromisoformat(day), locale),
    }  # fmt: skip


@rights.get("")
def home() -> ResponseReturnValue:
    """Show the cases, those to be answered soonest first; `?closed=1`: those that are over."""
    closed = request.args.get("closed") == "1"
    with transaction() as db:
        cases = register.listing(db, closed=closed)
        counts, unread = statistics.figures(db, now=utcnow()), register.count_unread(db)
    shown = {"cases": cases, "counts": counts, "closed": closed, "cut": len(cases) == register.LISTED}
    return render_template("desk/rights.html", unread=unread, **shown)


@rights.get("/unread")
def read() -> ResponseReturnValue:
    """Show the mails that nobody was answered: machines', so it seems, and those beyond the limit."""
    with transaction() as db:
        mails, unread = register.list_unread(db), register.count_unread(db)
    shown = [(case, defaultdict(str, first)) for case, first in mails]
    return render_template("desk/unread.html", mails=shown, unread=unread)


@rights.post("/unread")
def dismiss() -> ResponseReturnValue:
    """Close those that are no requests, or send their receipt to those that are."""
    chosen = [UUID(each) for each in request.form.getlist("case", type=_id)]
    receipt = request.form.get("act") == "receipt"
    done = 0
    for case_id in chosen:
        with transaction() as db:
            done += _read(db, case_id, receipt=receipt)
    if not done:
        flash(_("Rien n’a changé : cochez d’abord des courriels."), "info")
    elif receipt:
        flash(ngettext("Un accusé de réception est envoyé.", "%(num)d accusés de réception sont envoyés.",
                       done), "success")  # fmt: skip
    else:
        flash(ngettext("Un courriel classé.", "%(num)d courriels classés.", done), "success")
    return redirect(url_for("desk.rights.read"), 303)


def _read(db: Session, case_id: UUID, *, receipt: bool) -> bool:
    """Send one receipt, or close one case; return False where somebody else did."""
    case = register.find(db, case_id)
    if case is None or case.closed_at or case.acknowledged_at:
        return False
    if receipt:
        if not register.acknowledge(db, case, now=utcnow()):
            return False
    else:
        register.dismiss(db, case, by=str(current_user.id), now=utcnow())
    log(db, "rights receipt" if receipt else "rights dismiss", {"case": case.number})
    return True


def _id(text: str) -> str:
    return str(UUID(text))


@rights.post("/register")
def export() -> ResponseReturnValue:
    """Hand out the whole register, for an inspection."""
    with transaction() as db:
        response, rows = downloads.write(statistics.table(db, labels.language()), "registre-rgpd")
        log(db, "rights export", {"rows": rows})
    return response


@rights.get("/new")
def ask() -> ResponseReturnValue:
    today = register.today(utcnow()).isoformat()
    return _asked(CaseForm(received=today, locale=settings().default_locale))


@rights.post("/new")
def begin() -> ResponseReturnValue:
    form = CaseForm()
    try:
        with transaction() as db:
            case_id = _begun(db, form, utcnow()).id
    except Refusal as refusal:
        return _asked(form, refusal), 422
    return redirect(url_for("desk.rights.page", case_id=case_id), 303)


@rights.get("/<uuid:case_id>")
def page(case_id: UUID) -> ResponseReturnValue:
    return show(case_id)


def show(case_id: UUID, **given: str) -> str:
    """Return the case's page; `given`: act, typed and outcome of one of its forms, and what its fault is."""
    now = utcnow()
    with transaction() as db:
        case = db.get(RightsRequest, case_id) or abort(404)
        steps = register.history(db, case)
        clock = register.clock(db, case)
        names = {each.by: _name(db, each.by) for each in steps}
        subject = case.email and subscribers.by_email(db, case.email)
        busy = register.is_erasing(db, case)
        letters = subscribers.active_newsletters(db, subject.id) if subject else []
        barred = suppressions.find(db, case.fingerprint) if case.fingerprint else None
        unread = case.channel is Channel.EMAIL and case.acknowledged_at is None
    return render_template(
        "desk/case.html", case=case, steps=[_shown(each) for each in steps], names=names,
        may_extend=clock.may_extend(register.today(now)), extended_due=clock.extended_due,
        rights=Right, outcomes=[each for each in Outcome if each is not Outcome.REFUSED],
        in_time=statistics.in_time(case.closed_at, case.due_on), subject=subject, busy=busy,
        letters=letters, barred=barred, unread=unread,
        findable=case.email is None or case.channel in by_staff.BY_STAFF,
        **{"act": "", "typed": "", "outcome": "", "fault": ""} | given,
    )  # fmt: skip


def fetch(db: Session, case_id: UUID) -> RightsRequest:
    """Return the case, or a 404."""
    return register.find(db, case_id) or abort(404)


def log(db: Session, what: str, details: dict[str, object]) -> None:
    audit.record(db, who=str(current_user.id), what=what, details=details, now=utcnow())


def pressure_of(case: RightsRequest) -> Pressure:
    return pressure(case.due_on, register.today(utcnow()), paused=case.paused_at is not None)


def left(case: RightsRequest) -> str:
    """Return how long there is, in words."""
    if case.paused_at:
        return str(_("Suspendu"))
    days = (case.due_on - register.today(utcnow())).days
    if days < 0:
        return str(ngettext("En retard de %(num)d jour", "En retard de %(num)d jours", -days))
    if days == 0:
        return str(_("Dernier jour"))
    return str(ngettext("Encore %(num)d jour", "Encore %(num)d jours", days))


def _shown(step: RightsEvent) -> dict[str, object]:
    """Return a step whose details are blank where it has none: each kind of step has its own."""
    return {"what": step.what, "at": step.at, "by": step.by, "details": defaultdict(str, step.details)}


def _asked(form: CaseForm, refusal: Refusal | None = None) -> str:
    return render_template(
        "desk/case_new.html", form=form, refusal=refusal, rights=Right, channels=NOTED,
        today=register.today(utcnow()),
    )  # fmt: skip


def _begun(db: Session, form: CaseForm, now: datetime) -> RightsRequest:
    """Open the case a form describes.  Raises Refusal."""
    email = _email(form.email.data or "")
    name = " ".join(register.tidy(form.name.data or "").split()) or None
    if not email and not name:
        raise Refusal("name", _("Indiquez un nom ou une adresse : il faut savoir à qui répondre."))
    case = register.open(
        db, right=_chosen(Right, form.right.data, "right"),
        channel=_chosen(Channel, form.channel.data, "channel"),
        email=email, name=name, locale=supported(form.locale.data, settings().default_locale),
        received_at=_received(form.received.data or "", now), now=now, by=str(current_user.id),
        text=register.tidy(form.text.data or ""),
    )  # fmt: skip
    log(db, "rights open", {"case": case.number, "right": case.right, "channel": case.channel})
    return case


def _chosen(of: type[T], value: str | None, field: str) -> T:
    try:
        return of(value or "")
    except ValueError:
        raise Refusal(field, _("Choisissez dans la liste.")) from None


def _email(typed: str) -> str | None:
    if not typed.strip():
        return None
    try:
        return normalise(typed)
    except InvalidAddress:
        raise Refusal("email", _("Cette adresse électronique n’est pas complète.")) from None


def _received(typed: str, now: datetime) -> datetime:
    """Return the day a letter or a call came.  Raises Refusal."""
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        raise Refusal("received", _("La date de réception s’écrit 2026-01-31.")) from None
    try:
        return register.arrived(day, now)
    except BadDay as bad:
        past = _("Cette date est trop ancienne : vérifiez l’année.")
        future = _("Cette date est à venir : indiquez le jour où la demande est arrivée.")
        raise Refusal("received", future if bad.future else past) from None


def _name(db: Session, by: str) -> str:
    if by in ACTORS:
        return str(ACTORS[by])
    return accounts.name(db, by)
