"""Door: what the privacy officer does with a case.  A letter is looked over, whole, before it leaves."""

from datetime import datetime
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import StringField, TextAreaField

from mailer.core.db import transaction, utcnow
from mailer.notices.models import NoticeKind
from mailer.privacy.cases import fulfilment, register
from mailer.privacy.cases.fulfilment import NotDone
from mailer.privacy.cases.register import AlreadyPaused, BeingErased, ClosedCase, NoWords, TooLate
from mailer.privacy.models import Outcome, Right, RightsRequest
from mailer.rendering.typography import long_day, typeset
from mailer.web.desk import labels
from mailer.web.desk.cases import Refusal, fetch, log, show, words

acts = Blueprint("rights_acts", __name__, url_prefix="/rights/<uuid:case_id>")
acts.context_processor(words)

LETTERS = {
    "write": NoticeKind.LETTER, "pause": NoticeKind.IDENTITY, "extend": NoticeKind.EXTENDED,
    "refuse": NoticeKind.REFUSED, "close": NoticeKind.ANSWERED,
}  # fmt: skip
DONE = {
    "write": lazy_gettext("Le courriel est envoyé."),
    "pause": lazy_gettext("Le délai est suspendu, et la question est envoyée."),
    "extend": lazy_gettext("Le délai est prolongé, et la personne en est informée."),
    "refuse": lazy_gettext("Le refus est notifié, et le dossier clôturé."),
    "close": lazy_gettext("Le dossier est clôturé."),
}


NO_WORDS = lazy_gettext("Écrivez d’abord le texte à envoyer.")


class ActForm(FlaskForm):  # type: ignore[misc]
    """Take the words of a letter, and what else an act needs."""

    words = TextAreaField()
    outcome = StringField()
    right = StringField()
    sure = StringField()  # the letter was looked over: yes, or no and back to its words
    seen = StringField()  # how many steps the case's history had then


@acts.post("/<any(write, pause, extend, refuse, close):act>")
def decide(case_id: UUID, act: str) -> ResponseReturnValue:
    form = ActForm()
    typed = {"typed": register.tidy(form.words.data or ""), "outcome": form.outcome.data or ""}
    if form.sure.data == "no":
        return show(case_id, act=act, **typed)
    try:
        with transaction() as db:
            case = fetch(db, case_id)
            _check(db, case, act, form)
            if form.sure.data != "yes":
                return _looked_over(db, case, act, form)
            _do(db, case, act, form, utcnow())
            log(db, f"rights {act}", {"case": case.number})
    except ClosedCase:
        return _unchanged(case_id)
    except Refusal as refusal:
        where = "write" if refusal.field == "write" else act
        return show(case_id, act=where, **typed, fault=refusal.sentence), 422
    return _done(case_id, str(DONE[act]))


@acts.post("/resume")
def resume(case_id: UUID) -> ResponseReturnValue:
    try:
        with transaction() as db:
            case = fetch(db, case_id)
            if changed := register.resume(db, case, by=str(current_user.id), now=utcnow()):
                log(db, "rights resume", {"case": case.number})
    except ClosedCase:
        return _unchanged(case_id)
    if not changed:
        flash(_("Rien n’a changé : le délai courait déjà."), "info")
        return redirect(url_for("desk.rights.page", case_id=case_id), 303)
    return _done(case_id, _("Le délai reprend, et la personne en est informée."))


@acts.post("/qualify")
def qualify(case_id: UUID) -> ResponseReturnValue:
    form = ActForm()
    try:
        with transaction() as db:
            case = fetch(db, case_id)
            if form.right.data in list(Right):
                register.qualify(db, case, Right(form.right.data), by=str(current_user.id), now=utcnow())
            log(db, "rights qualify", {"case": case.number})
    except ClosedCase:
        return _unchanged(case_id)
    return _done(case_id, _("Le droit demandé est précisé."))


def _unchanged(case_id: UUID) -> ResponseReturnValue:
    flash(_("Rien n’a changé : ce dossier est clôturé."), "info")
    return redirect(url_for("desk.rights.page", case_id=case_id), 303)


def _check(db: Session, case: RightsRequest, act: str, form: ActForm) -> None:
    """Whether it can be done.  Raises ClosedCase, Refusal."""
    if case.closed_at:
        raise ClosedCase
    if form.sure.data == "yes":
        _check_unchanged(db, case, form)
    if act in {"refuse", "close"} and register.is_erasing(db, case):
        raise Refusal(
            "words", _("Ce dossier se clôture de lui-même, une fois le certificat d’effacement envoyé.")
        )
    if act == "pause" and case.paused_at:
        raise Refusal("write", _(
            "Le délai est déjà suspendu : cette question n’a pas été envoyée. Vous pouvez l’envoyer sans "
            "clôturer."))  # fmt: skip
    clock, today = register.clock(db, case), register.today(utcnow())
    if act == "extend" and not clock.may_extend(today):
        last = long_day(clock.due, labels.language())
        raise Refusal("words", _(
            "Ce délai ne peut plus être prolongé : une seule prolongation était possible, "
            "jusqu’au %(last)s.", last=last))  # fmt: skip
    if act == "close":
        _check_end(db, case, form)
    elif not register.tidy(form.words.data or "").strip():
        raise Refusal("words", NO_WORDS)


def _check_end(db: Session, case: RightsRequest, form: ActForm) -> None:
    """Check that the case may end so, and that there is something to tell.  Raises Refusal."""
    outcome = _outcome(form)
    try:
        fulfilment.check(db, case, outcome)
        said = register.tidy(form.words.data or "").strip() or register.closing_words(case, outcome)
    except NotDone as fault:
        raise Refusal("words", typeset(fault.sentence(labels.language()), labels.language())) from None
    except NoWords:
        raise Refusal("words", NO_WORDS) from None
    if not said and outcome is not Outcome.NOT_A_REQUEST:
        raise Refusal("words", NO_WORDS)


def _check_unchanged(db: Session, case: RightsRequest, form: ActForm) -> None:
    """Nothing happened since the letter was read over: another tab, a second click.  Raises Refusal."""
    if form.seen.data != str(len(register.history(db, case))):
        raise Refusal("words", _("Ce dossier a changé entre-temps, peut-être par un double clic : consultez "
                                 "l’historique. Rien d’autre n’a été envoyé."))  # fmt: skip


def _outcome(form: ActForm) -> Outcome:
    if form.outcome.data not in set(Outcome) - {Outcome.REFUSED}:
        raise Refusal("outcome", _("Choisissez la suite donnée à la demande."))
    return Outcome(form.outcome.data)


def _looked_over(db: Session, case: RightsRequest, act: str, form: ActForm) -> str:
    said, kind = register.tidy(register.tidy(form.words.data or "")), LETTERS[act]
    if act == "close":
        kind = register.closing_notice(_outcome(form))
        said = said or register.closing_words(case, _outcome(form))
    due = register.clock(db, case).extended_due if act == "extend" else None
    letter = register.reply_text(case, kind, said, due=due) if said else ""
    seen = len(register.history(db, case))
    return render_template(
        "desk/case_letter.html", case=case, act=act, form=form, said=said, letter=letter, seen=seen
    )


def _do(db: Session, case: RightsRequest, act: str, form: ActForm, now: datetime) -> None:
    """Do what the form asks.  Raises Refusal."""
    by, said = str(current_user.id), form.words.data or ""
    try:
        match act:
            case "write":
                register.write(db, case, said, by=by, now=now)
            case "pause":
                register.pause(db, case, said, by=by, now=now)
            case "extend":
                register.extend(db, case, said, by=by, now=now)
            case "refuse":
                register.refuse(db, case, said, by=by, now=now)
            case _:
                register.close(db, case, _outcome(form), by=by, now=now, words=said)
    except (
        NotDone,
        NoWords,
        TooLate,
        AlreadyPaused,
        BeingErased,
    ) as fault:  # the day ended between the check and the act
        raise Refusal("words", _("Cette action n’est plus possible : rechargez le dossier.")) from fault


def _done(case_id: UUID, done: str) -> ResponseReturnValue:
    flash(done, "success")
    return redirect(url_for("desk.rights.page", case_id=case_id), 303)
