"""Door: the session that a rights link opened, for half an hour, for whoever holds the mailbox."""

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.privacy.cases import access_links, self_service
from mailer.privacy.models import Right, RightsLink
from mailer.privacy.rights import access, export
from mailer.privacy.rights.access import HeldData
from mailer.web.public.rights.actions import acts, situation
from mailer.web.public.rights.correct import corrections
from mailer.web.public.rights.entry import COOKIE
from mailer.web.public.rights.erase import erasing
from mailer.web.public.rights.session import admit, mine, of_the_session
from mailer.web.security import private

yours = Blueprint("yours", __name__, url_prefix="/rights/yours")
yours.after_request(private)
yours.before_request(admit)
yours.context_processor(of_the_session)
yours.register_blueprint(acts)
yours.register_blueprint(corrections)
yours.register_blueprint(erasing)


@yours.get("")
def home() -> ResponseReturnValue:
    with transaction() as db:
        here = situation(db)
    return render_template("rights/home.html", here=here, done=request.args.get("done"))


# -- access and portability ----------------------------------------------------------


@yours.post("/data")
def ask_for_data() -> ResponseReturnValue:
    with transaction() as db:
        _once(db, Right.ACCESS)
    return redirect(url_for("yours.data"), 303)


@yours.get("/data")
def data() -> ResponseReturnValue:
    """Show what is held, once it was asked for: a page of mailings at a time."""
    number = max(request.args.get("page", 1, type=int), 1)
    with transaction() as db:
        if not self_service.already(db, mine(), Right.ACCESS):
            return redirect(url_for("yours.home"))
        told, count = export.page(_held(db), str(get_locale()), number)
    return render_template("rights/data.html", told=told, number=number, count=count)


@yours.post("/data.zip")
def take_data() -> ResponseReturnValue:
    with transaction() as db:
        _once(db, Right.ACCESS)
        body = export.archive(_held(db), str(get_locale()))
    return _file(body, export.words(str(get_locale()))["file"])


@yours.post("/portability.zip")
def take_elsewhere() -> ResponseReturnValue:
    with transaction() as db:
        _once(db, Right.PORTABILITY)
        body = export.portable(_held(db), str(get_locale()))
    return _file(body, export.words(str(get_locale()))["portable_file"])


def _once(db: Session, right: Right) -> None:
    """Open a case, unless this session has one for that already."""
    if not self_service.already(db, mine(), right):
        self_service.answered(db, mine(), right, now=utcnow())


def _held(db: Session) -> HeldData:
    return access.draw(db, mine().email, utcnow())


def _file(body: bytes, name: str) -> ResponseReturnValue:
    return Response(body, 200, {"Content-Disposition": f'attachment; filename="{name}.zip"'},
                    mimetype="application/zip")  # fmt: skip


@yours.post("/close")
def close() -> ResponseReturnValue:
    with transaction() as db:
        access_links.leave(db.get_one(RightsLink, mine().id), now=utcnow())
    answer = make_response(redirect(url_for("pages.rights"), 303))
    answer.delete_cookie(COOKIE, path="/rights")
    return answer
