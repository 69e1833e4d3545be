"""Who is in a rights session, and that its forms are its own."""

import hmac
from typing import Any

from flask import abort, g, request
from flask.typing import ResponseReturnValue

from mailer.core.db import transaction, utcnow
from mailer.privacy.cases import access_links
from mailer.privacy.models import RightsLink
from mailer.web.public.rights.entry import COOKIE, over


def admit() -> ResponseReturnValue | None:
    """Only with the session's cookie; and what changes something, only from its own forms."""
    secret = request.cookies.get(COOKIE, "")
    with transaction() as db:
        link = access_links.session(db, secret, now=utcnow())
    if link is None:
        return over()
    g.form_token = access_links.form_token(secret)
    if request.method == "POST" and not _sent_from_here():
        abort(400)
    g.link = link
    return None


def mine() -> RightsLink:
    """Return whose session this is."""
    link: RightsLink = g.link
    return link


def of_the_session() -> dict[str, Any]:
    """For its templates."""
    return {"form_token": g.get("form_token"), "link": g.get("link")}


def _sent_from_here() -> bool:
    given = request.form.get("form_token", "")
    return hmac.compare_digest(given.encode(), str(g.form_token).encode())
