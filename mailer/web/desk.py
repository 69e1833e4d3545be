"""Door: the desk, where staff look after newsletters and their issues."""

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue
from flask_login import login_required
from sqlalchemy import select

from mailer.db import transaction
from mailer.issues import editing
from mailer.issues.models import Newsletter
from mailer.sending import accounts
from mailer.web import desk_words
from mailer.web.desk_issue import LEAVING, issue, subscribers
from mailer.web.desk_moves import moves
from mailer.web.desk_people import people
from mailer.web.desk_rights import rights
from mailer.web.desk_rights_acts import acts
from mailer.web.desk_rights_data import data

desk = Blueprint("desk", __name__, url_prefix="/desk")
desk.before_request(login_required(lambda: None))
desk.context_processor(desk_words.context)
desk.register_blueprint(issue)
desk.register_blueprint(moves)
desk.register_blueprint(people)
desk.register_blueprint(rights)
desk.register_blueprint(acts)
desk.register_blueprint(data)


@desk.after_request
def private(response: Response) -> Response:
    """Nothing of the desk stays in a shared browser, or in a proxy."""
    response.headers["Cache-Control"] = "no-store"
    return response


@desk.get("/")
def issues() -> ResponseReturnValue:
    with transaction() as db:
        listed = editing.listing(db)
        leaving = {found.id: accounts.progress(db, found.id) for found in listed if found.state in LEAVING}
    return render_template("desk/issues.html", issues=listed, leaving=leaving)


@desk.get("/newsletters")
def newsletters() -> ResponseReturnValue:
    with transaction() as db:
        listed = db.scalars(select(Newsletter).order_by(Newsletter.name)).all()
        counts = {found.id: subscribers(db, found.id) for found in listed}
    return render_template("desk/newsletters.html", newsletters=listed, subscribers=counts)
