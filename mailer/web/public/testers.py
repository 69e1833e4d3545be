"""Door: who reads issues before they are sent agrees, and stops; and where the links of a test lead.

No GET changes anything: robots follow every link of a mail.
"""

from uuid import UUID

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from sqlalchemy.orm import Session

from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.tokens import BadToken, Purpose
from mailer.newsletters.models import Newsletter
from mailer.notices import testers as readers
from mailer.notices.marked_letter import LINKS
from mailer.notices.models import Tester
from mailer.web.public.home import were_shown
from mailer.web.public.mail_links import FOR_EVER
from mailer.web.security import limiter, private

testers = Blueprint("testers", __name__)
testers.after_request(private)


@testers.get("/testers/<token>")
def ask(token: str) -> ResponseReturnValue:
    with transaction() as db:
        tester = _whose(db, token)
        if tester is None:
            return _ended(410)
        of = db.get_one(Newsletter, tester.newsletter_id)
        wording = readers.wording_of(of, str(get_locale()))
    step = "agreed" if tester.confirmed_at else "ask"
    return render_template("tester.html", step=step, newsletter=of, wording=wording, token=token)


@testers.post("/testers/<token>")
@limiter.limit("60 per minute")
def agree(token: str) -> ResponseReturnValue:
    with transaction() as db:
        tester = _whose(db, token)
        if tester is None:
            return _ended(410)
        of = db.get_one(Newsletter, tester.newsletter_id)
        wording = readers.wording_of(of, str(get_locale()))
        if not were_shown([wording]):
            return ask(token)
        readers.agree(db, tester, wording, now=utcnow())
    return render_template("tester.html", step="agreed", newsletter=of, wording=wording, token=token)


@testers.get("/testers/<token>/stop")
def ask_to_stop(token: str) -> ResponseReturnValue:
    with transaction() as db:
        tester = _whose(db, token)
        of = db.get(Newsletter, tester.newsletter_id) if tester else None
    return render_template("tester.html", step="stop", newsletter=of, token=token) if of else _ended(200)


@testers.post("/testers/<token>/stop")
def stop(token: str) -> ResponseReturnValue:
    """Show the button, and the mailbox's own (RFC 8058): no cookie, no redirect, the same answer for ever."""
    with transaction() as db:
        if tester := _whose(db, token):
            readers.end(db, tester)
    return _ended(200)


@testers.get("/trial/<link>")
def trial(link: str) -> ResponseReturnValue:
    """Say that a link was a test's, and what it does in an issue that is sent."""
    if link not in LINKS:
        abort(404)
    return render_template("trial.html", link=link)


def _ended(status: int) -> ResponseReturnValue:
    return render_template("tester.html", step="ended", newsletter=None), status


def _whose(db: Session, token: str) -> Tester | None:
    """Return whose link it is; None once they have stopped, or were never more than asked.  404 on a forgery.

    Until they agree, it is valid as long as the row: a few days.
    """
    try:
        return readers.find(db, UUID(tokens.read(Purpose.TESTER, token, max_age=FOR_EVER)))
    except BadToken:
        abort(404)
