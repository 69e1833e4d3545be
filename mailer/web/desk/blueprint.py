"""Door: the desk, where staff look after newsletters and their issues."""

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import login_required

from mailer.core.db import transaction, utcnow
from mailer.core.export_file import TooManyRows
from mailer.delivery import reports
from mailer.issues import lifecycle
from mailer.newsletters import newsletters as publications
from mailer.newsletters.models import Theme
from mailer.subscribers.recipients import count
from mailer.web.desk import labels
from mailer.web.desk.account import account
from mailer.web.desk.alarms import alarms
from mailer.web.desk.case_data import data
from mailer.web.desk.case_letters import acts
from mailer.web.desk.cases import rights
from mailer.web.desk.checks import checks
from mailer.web.desk.compose import compose
from mailer.web.desk.compose_block import compose_block
from mailer.web.desk.compose_presence import compose_presence
from mailer.web.desk.compose_start import compose_start
from mailer.web.desk.history import history, possible
from mailer.web.desk.imports import people
from mailer.web.desk.issue import LEAVING, issue
from mailer.web.desk.issue_actions import moves
from mailer.web.desk.issue_tests import tests
from mailer.web.desk.newsletter import newsletter
from mailer.web.desk.newsletter_new import newsletter_new
from mailer.web.desk.newsletter_testers import readers
from mailer.web.desk.not_reached import not_reached
from mailer.web.desk.repeat import repeat, source

desk = Blueprint("desk", __name__, url_prefix="/desk")
desk.before_request(login_required(lambda: None))
desk.context_processor(labels.context)
desk.context_processor(lambda: {"undo_possible": possible, "repeatable": source})
desk.register_blueprint(account)
desk.register_blueprint(issue)
desk.register_blueprint(moves)
desk.register_blueprint(compose)
desk.register_blueprint(checks)
desk.register_blueprint(compose_block)
desk.register_blueprint(compose_presence)
desk.register_blueprint(compose_start)
desk.register_blueprint(tests)
desk.register_blueprint(newsletter_new)
desk.register_blueprint(newsletter)
desk.register_blueprint(readers)
desk.register_blueprint(history)
desk.register_blueprint(repeat)
desk.register_blueprint(people)
desk.register_blueprint(not_reached)
desk.register_blueprint(rights)
desk.register_blueprint(acts)
desk.register_blueprint(data)
desk.register_blueprint(alarms)


@desk.errorhandler(TooManyRows)
def too_many_rows(fault: TooManyRows) -> ResponseReturnValue:
    flash(fault.sentence(labels.language()), "error")
    return redirect(url_for("desk.people.home"), 303)


@desk.after_request
def private(response: Response) -> Response:
    """Nothing of the desk stays in a shared browser, or in a proxy."""
    response.headers["Cache-Control"] = "no-store"
    return response


@desk.get("/")
def issues() -> ResponseReturnValue:
    with transaction() as db:
        listed = lifecycle.listing(db)
        leaving = {found.id: reports.progress(db, found.id) for found in listed if found.state in LEAVING}
    return render_template("desk/issues.html", issues=listed, leaving=leaving)


@desk.get("/newsletters")
def newsletters() -> ResponseReturnValue:
    with transaction() as db:
        listed = publications.newsletters(db)
        counts = {found.id: count(db, found.id) for found in listed}
    return render_template("desk/newsletters.html", newsletters=listed, recipients=counts)


@desk.get("/components")
def components() -> ResponseReturnValue:
    """Show what pages are made of, in each state and colour scheme; `?theme=dsfr`: in that theme."""
    theme = request.args.get("theme", Theme.NEUTRAL)
    if theme not in list(Theme):
        abort(404)
    progress = reports.Progress(
        audience=241, pending=40, handed=6, deferred=12, accepted=160, refused=9, withheld=8, unknown=6
    )
    return render_template("desk/components.html", theme=theme, themes=Theme, progress=progress, now=utcnow())
