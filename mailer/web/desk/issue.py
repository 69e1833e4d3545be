"""Door: one issue at the desk: what it says, how far it is, and its certificate."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_decimal
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import StringField

from mailer.core.db import transaction, utcnow
from mailer.core.i18n import Locale
from mailer.core.settings import settings
from mailer.delivery import due, expected_audience, refusals, reports, scheduling, unknown
from mailer.delivery.certificate import NotClosed, certify
from mailer.issues import lifecycle
from mailer.issues.models import Issue
from mailer.issues.preview_views import PreviewView
from mailer.issues.state_machine import IssueState, Move, moves_from
from mailer.rendering.local_time import AmbiguousTime, BadTime
from mailer.rendering.merge_fields import marked
from mailer.rendering.mjml import MjmlTooLarge
from mailer.staff.models import Staff
from mailer.subscribers.recipients import count
from mailer.web.desk import check_lines, labels
from mailer.web.desk import preview as previewing

issue = Blueprint("issue", __name__, url_prefix="/issues/<uuid:issue_id>")

BEFORE = frozenset({IssueState.DRAFT, IssueState.SCHEDULED})
LEAVING = frozenset({IssueState.SENDING, IssueState.PAUSED, IssueState.CANCELLED})


class ScheduleForm(FlaskForm):  # type: ignore[misc]
    """Take a day and a time as browsers send them; fold, once clocks going back made us ask."""

    day = StringField()
    time = StringField()
    fold = StringField()

    @property
    def ticked(self) -> list[str]:
        """Return the keys of the warnings that were acknowledged."""
        return request.form.getlist("acknowledged")

    @property
    def waits(self) -> bool:
        """Return whether the issue is to wait until imported people are told."""
        return "waits" in request.form

    @property
    def typed(self) -> str:
        return f"{self.day.data or ''} {self.time.data or ''}"

    @property
    def turn(self) -> int | None:
        return int(self.fold.data) if self.fold.data in ("0", "1") else None


def fetch(db: Session, issue_id: UUID) -> Issue:
    """Return the issue, or a 404."""
    found = lifecycle.get(db, issue_id)
    if found is None:
        abort(404)
    return found


def recipients(db: Session, of: Issue) -> int:
    """Return how many people an issue was frozen for, or would be if it left now."""
    return count(db, of.newsletter_id) if of.audience is None else of.audience


def show(
    issue_id: UUID, form: ScheduleForm, fault: BadTime | None = None, *, leaves: datetime | None = None
) -> str:
    """Return the issue's page, with what was typed in its form and what is wrong with it.

    `leaves`: when it would leave, if there were no warnings that have to be acknowledged first.
    """
    now = utcnow()
    with transaction() as db:
        found = fetch(db, issue_id)
        at = leaves or found.due_at or now
        findings = lifecycle.findings(db, found, settings(), leaves=at) if found.state in BEFORE else []
        audience = expected_audience.findings(db, found) if found.state in BEFORE else []
        return render_template(
            "desk/issue.html",
            issue=found,
            moves={move.value for move in moves_from(found.state) - {Move.START, Move.CLOSE, Move.RESEND}},
            warned=scheduling.warned(db, found, findings) if found.state is IssueState.DRAFT else [],
            asked=leaves is not None,
            **check_lines.section(db, found, audience + findings, "issue"),
            subject=_line(found, "subject"),
            preheader=_line(found, "preheader"),
            text=_text(db, found),
            progress=reports.progress(db, issue_id) if _is_live(found) or found.closed_at else None,
            recipients=recipients(db, found),
            undecided=sum(each.rows for each in unknown.undecided(db, issue_id)),
            refused=next(iter(refusals.undecided(db, issue_id)), None),
            late=due.is_late(found, now=now, late_after=settings().late_after),
            live=_is_live(found),
            form=form,
            fault=fault.sentence(labels.language()) if fault else None,
            ambiguous=isinstance(fault, AmbiguousTime),
            now=now,
        )


@issue.get("")
def page(issue_id: UUID) -> ResponseReturnValue:
    return show(issue_id, ScheduleForm())


@issue.get("/preview")
def preview(issue_id: UUID) -> ResponseReturnValue:
    """Show the letter as a reader will get it, alone in a frame."""
    with transaction() as db:
        found = fetch(db, issue_id)
        return previewing.shown(
            lambda locale: lifecycle.rendered(db, found, settings(), locale=locale), locale_of(found)
        )


@issue.get("/progress.json")
def progress(issue_id: UUID) -> ResponseReturnValue:
    """Show what desk.js asks each second while the issue leaves."""
    with transaction() as db:
        found = fetch(db, issue_id)
        counted = reports.progress(db, issue_id)
    counts = {
        state.value: {"count": format_decimal(getattr(counted, state)), "x": x, "width": width}
        for state, x, width in labels.bar(counted)
    }
    return jsonify(
        asdict(counted)
        | {"final": counted.final, "done": counted.done, "state": found.state, "live": _is_live(found)}
        | {"counts": counts, "percent": labels.percent(counted), "sentence": labels.sentence(counted)}
    )


@issue.get("/certificate")
def certificate(issue_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        found = fetch(db, issue_id)
        if found.state is not IssueState.CLOSED:
            return redirect(url_for("desk.issue.page", issue_id=issue_id))
        account = certify(db, issue_id)
        return render_template(
            "desk/certificate.html",
            issue=found,
            certificate=account,
            approver=_approver(db, account.approver),
            approved_at=datetime.fromisoformat(account.approved_at),
        )


@issue.get("/certificate.json")
def certificate_file(issue_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        fetch(db, issue_id)
        try:
            response = jsonify(certify(db, issue_id).as_dict())
        except NotClosed:
            abort(404)
    response.headers["Content-Disposition"] = f'attachment; filename="certificate-{issue_id}.json"'
    return response


def sample(text: str, found: Issue) -> str:
    """Return a line or the text as one reader would get it."""
    return PreviewView().filled(text, locale_of(found), escape=False)


def _text(db: Session, found: Issue) -> str:
    """Return the text part as one reader would get it; nothing of a letter that is too large to be made."""
    try:
        return sample(lifecycle.rendered(db, found, settings()).text, found)
    except MjmlTooLarge:
        return ""


def locale_of(found: Issue) -> Locale:
    """Return the language a letter is written in."""
    locale: Locale = found.content.get("locale", found.newsletter.locale)
    return locale


def _line(found: Issue, name: str) -> str:
    return sample(marked(found.content.get(name, "")), found)


def _approver(db: Session, approver: str) -> str:
    """Whoever approved: the name behind a staff id, or what is written."""
    try:
        staff = db.get(Staff, UUID(approver))
    except ValueError:
        return approver
    return staff.name if staff else approver


def _is_live(found: Issue) -> bool:
    """Return whether its numbers may move while one looks."""
    about_to = found.state is IssueState.SCHEDULED and found.due_at is not None and found.due_at <= utcnow()
    return about_to or found.state in LEAVING
