"""Door: "do you still want this?", asked once before the end.  One button; looking changes nothing.

The page names nobody, and none of their letters: a copy of its mail may be in other hands.
"""

from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from sqlalchemy.orm import Session

from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.core.tokens import BadToken, Purpose
from mailer.privacy.retention import reconfirmation
from mailer.privacy.retention.reconfirmation import OPEN_FOR
from mailer.subscribers import preferences, subscribers
from mailer.subscribers.consent import wordings
from mailer.subscribers.consent.models import Wording
from mailer.subscribers.models import Subscriber
from mailer.web.public.home import were_shown
from mailer.web.security import limiter, private

still = Blueprint("still", __name__)
still.after_request(private)


@still.get("/still/<token>")
def ask(token: str) -> ResponseReturnValue:
    with transaction() as db:
        subscriber = _whose(db, token)
        if subscriber is None:
            return render_template("still.html", outcome="gone"), 410
        if subscriber.restricted_at:
            return render_template("preferences_frozen.html"), 409
    return render_template("still.html", outcome="", wording=_wording())


@still.post("/still/<token>")
@limiter.limit("60 per minute")
def go_on(token: str) -> ResponseReturnValue:
    with transaction() as db:
        subscriber = _whose(db, token)
        if subscriber and (subscriber.restricted_at or not were_shown([_wording()])):
            return ask(token)
        kept = subscriber is not None and reconfirmation.go_on(db, subscriber.id, _wording(), now=utcnow())
        if subscriber is None or not kept:
            return render_template("still.html", outcome="gone"), 410
        barred, until = not subscribers.newsletter_names(db, subscriber.id), subscriber.paused_until
    pause = until if until and until > utcnow() else None
    return render_template("still.html", outcome="barred" if barred else "kept", pause=pause)


def _wording() -> Wording:
    return wordings.keeping_wording(settings().controller_name, str(get_locale()))


def _whose(db: Session, token: str) -> Subscriber | None:
    """Return who was asked, unless the question went to an older address of theirs."""
    try:
        found, signed_at = tokens.dated(Purpose.RECONFIRM, token, max_age=OPEN_FOR)
    except BadToken:
        return None
    subscriber = db.get(Subscriber, UUID(found))
    return subscriber if subscriber and preferences.still_theirs(subscriber, signed_at) else None
