"""Door: what staff may do with an issue.  Only POSTs act; to send and to cancel are confirmed on a page."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from mailer.core import audit
from mailer.core.db import transaction, utcnow
from mailer.core.i18n import label
from mailer.core.settings import settings
from mailer.delivery import refusals, reports, scheduling, unknown
from mailer.issues import lifecycle
from mailer.issues.acknowledgement import NotAcknowledged
from mailer.issues.models import Issue
from mailer.issues.state_machine import ForbiddenMove, Move, moves_from
from mailer.rendering.local_time import BadTime, parse_future
from mailer.web.desk import labels
from mailer.web.desk.issue import ScheduleForm, fetch, recipients, show

moves = Blueprint("moves", __name__, url_prefix="/issues/<uuid:issue_id>")
Act = Callable[[Session, Issue, datetime], None]


@moves.post("/schedule")
def schedule(issue_id: UUID) -> ResponseReturnValue:
    form = ScheduleForm()
    try:
        due_at = parse_future(form.typed, settings().zone, form.turn, now=utcnow())
    except BadTime as fault:
        return show(issue_id, form, fault), 422
    try:
        return _move(issue_id, _leave_at(due_at, form), _("Programmé : %(when)s.", when=labels.when(due_at)))
    except NotAcknowledged:
        return show(issue_id, form, leaves=due_at), 422


@moves.post("/send")
def send(issue_id: UUID) -> ResponseReturnValue:
    form = ScheduleForm()
    try:
        return _move(issue_id, _leave_at(utcnow(), form), _departed(form))
    except NotAcknowledged:
        return make_response(_confirm_send(issue_id, form, asked=True), 422)


@moves.post("/send-late")
def send_late(issue_id: UUID) -> ResponseReturnValue:
    """Let an issue leave that could not at its time, and was held for so long that a person is asked."""
    return _move(
        issue_id, lambda db, found, now: lifecycle.send_late(db, found, now=now), _("L’envoi commence.")
    )


@moves.post("/unschedule")
def unschedule(issue_id: UUID) -> ResponseReturnValue:
    done = _("Le numéro n’est plus programmé : c’est de nouveau un brouillon.")
    return _move(issue_id, lambda db, found, _: lifecycle.unschedule(db, found), done)


@moves.post("/pause")
def pause(issue_id: UUID) -> ResponseReturnValue:
    done = _("L’envoi est en pause. Les courriels déjà confiés au serveur d’envoi arriveront.")
    return _move(issue_id, lambda db, found, _: lifecycle.pause(db, found), done)


@moves.post("/resume")
def resume(issue_id: UUID) -> ResponseReturnValue:
    """Let it go on; who was refused for reasons that may be ours is tried again."""
    return _move(issue_id, _decide(refusals.retry), _("L’envoi reprend."))


@moves.post("/refused")
def take_refusals(issue_id: UUID) -> ResponseReturnValue:
    return _move(issue_id, _decide(refusals.take), _("C’est enregistré : ces refus sont définitifs."))


@moves.post("/cancel")
def cancel(issue_id: UUID) -> ResponseReturnValue:
    done = _("L’envoi est annulé : plus aucun courriel n’est envoyé.")
    return _move(issue_id, lambda db, found, _: lifecycle.cancel(db, found), done)


@moves.post("/delete")
def delete(issue_id: UUID) -> ResponseReturnValue:
    return _move(issue_id, _delete, _("Le brouillon est supprimé."), then=url_for("desk.issues"))


@moves.post("/leave")
def leave(issue_id: UUID) -> ResponseReturnValue:
    done = _("C’est enregistré : les courriels sans réponse ne sont pas renvoyés.")
    return _move(issue_id, _decide(unknown.leave), done)


@moves.post("/resend")
def resend(issue_id: UUID) -> ResponseReturnValue:
    return _move(issue_id, _decide(unknown.resend), _("Les courriels sans réponse sont renvoyés."))


@moves.get("/resend")
def confirm_resend(issue_id: UUID) -> ResponseReturnValue:
    return _confirm(issue_id, Move.RESEND, "desk/resend.html")


@moves.get("/send")
def confirm_send(issue_id: UUID) -> ResponseReturnValue:
    return _confirm_send(issue_id, ScheduleForm(), asked=False)


@moves.get("/delete")
def confirm_delete(issue_id: UUID) -> ResponseReturnValue:
    return _confirm(issue_id, Move.DELETE, "desk/delete.html")


@moves.get("/cancel")
def confirm_cancel(issue_id: UUID) -> ResponseReturnValue:
    return _confirm(issue_id, Move.CANCEL, "desk/cancel.html")


def _leave_at(due_at: datetime, form: ScheduleForm) -> Act:
    def act(db: Session, found: Issue, now: datetime) -> None:
        scheduling.schedule(
            db, found, settings(), due_at=due_at, approver=str(current_user.id), locale=labels.language(),
            acknowledged=form.ticked, now=now, waits=form.waits,
        )  # fmt: skip

    return act


def _departed(form: ScheduleForm) -> str:
    if form.waits:
        return str(
            _("L’envoi commencera quand les personnes importées auront reçu le courriel d’information.")
        )
    return str(_("L’envoi commence."))


def _delete(db: Session, found: Issue, now: datetime) -> None:
    who, details = str(current_user.id), {"issue": str(found.id)}
    lifecycle.delete(db, found)
    audit.record(db, who=who, what="issue delete", details=details, now=now)


def _decide(decision: Callable[..., int]) -> Act:
    def act(db: Session, found: Issue, now: datetime) -> None:
        decision(db, found, by=str(current_user.id), now=now)

    return act


def _move(issue_id: UUID, act: Act, done: str, then: str = "") -> ResponseReturnValue:
    """Act, or say kindly why not: a second click and a page gone stale are no faults.

    `then`: where it leads once done, if not to the issue.
    """
    try:
        with transaction() as db:
            act(db, fetch(db, issue_id), utcnow())
    except ForbiddenMove as refusal:
        flash(
            _(
                "Rien n’a changé : ce numéro est « %(state)s ».",
                state=label(refusal.state, labels.language()),
            ),
            "info",
        )
    except lifecycle.NotReady:
        flash(
            _(
                "Ce numéro ne peut pas être envoyé : corrigez d’abord les points signalés par les "
                "vérifications."
            ),
            "error",
        )
    else:
        flash(done, "success")
        if then:
            return redirect(then, 303)
    return redirect(url_for("desk.issue.page", issue_id=issue_id), 303)


def _confirm(issue_id: UUID, move: Move, template: str) -> ResponseReturnValue:
    with transaction() as db:
        found = fetch(db, issue_id)
        if move not in moves_from(found.state):
            return redirect(url_for("desk.issue.page", issue_id=issue_id))
        return render_template(template, issue=found, progress=reports.progress(db, issue_id))


def _confirm_send(issue_id: UUID, form: ScheduleForm, *, asked: bool) -> str | Response:
    """Ask once more, with what has to be acknowledged; `asked`: some of it was left out."""
    with transaction() as db:
        found = fetch(db, issue_id)
        if Move.SCHEDULE not in moves_from(found.state):
            return redirect(url_for("desk.issue.page", issue_id=issue_id))
        findings = lifecycle.findings(db, found, settings(), leaves=utcnow())
        return render_template(
            "desk/send.html",
            issue=found,
            errors=[finding for finding in findings if finding.level == "error"],
            warned=scheduling.warned(db, found, findings),
            ticked=form.ticked,
            waits=form.waits,
            asked=asked,
            recipients=recipients(db, found),
        )
