"""Door: "do you still want this?", asked once before the end.  One button; looking changes nothing."""

from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from mailer import tokens
from mailer.db import transaction, utcnow
from mailer.issues.models import Newsletter
from mailer.people import preferences
from mailer.people.models import Subscriber
from mailer.rights import inactivity
from mailer.rights.inactivity import OPEN_FOR
from mailer.tokens import BadToken, Purpose
from mailer.web.public import wording_of
from mailer.web.security import limiter, private

still = Blueprint("still", __name__)
still.after_request(private)


@still.get("/still/<token>")
def ask(token: str) -> ResponseReturnValue:
    of = _read(token)
    with transaction() as db:
        subscriber = db.get(Subscriber, of) if of else None
        if subscriber is None:
            return render_template("still.html", outcome="gone"), 410
        chosen = preferences.chosen(db, subscriber.id)
        listed = db.scalars(
            select(Newsletter).where(Newsletter.id.in_(chosen)).order_by(Newsletter.name)
        ).all()
    wordings = [wording_of(each.name).text for each in listed]
    return render_template("still.html", outcome="", wordings=wordings)


@still.post("/still/<token>")
@limiter.limit("60 per minute")
def go_on(token: str) -> ResponseReturnValue:
    of = _read(token)
    with transaction() as db:
        wordings = {each.id: wording_of(each.name) for each in db.scalars(select(Newsletter))}
        kept = of is not None and inactivity.go_on(db, of, wordings, now=utcnow())
    return render_template("still.html", outcome="kept" if kept else "gone"), 200 if kept else 410


def _read(token: str) -> UUID | None:
    try:
        return UUID(tokens.read(Purpose.RECONFIRM, token, max_age=OPEN_FOR))
    except BadToken:
        return None
