"""Door: what the composer's script asks by itself: who else is writing, what has changed, a fresh token."""

import re
from uuid import UUID

from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.issues import presence
from mailer.issues.presence import Present
from mailer.staff import accounts
from mailer.web.desk import compose_outline
from mailer.web.desk.compose_draft import NotADraft, opened
from mailer.web.desk.issue import fetch

compose_presence = Blueprint(
    "compose_presence", __name__, url_prefix="/issues/<uuid:issue_id>/compose/presence"
)
_NAME = re.compile(r"[a-z0-9]{1,40}\Z")  # of a tab, or the id of a block


@compose_presence.errorhandler(NotADraft)
def closed(reason: NotADraft) -> ResponseReturnValue:
    return reason.answer()


@compose_presence.get("")
def token(issue_id: UUID) -> ResponseReturnValue:
    """Hand out a token for the forms of a page that was opened before the last login."""
    with transaction() as db:
        fetch(db, issue_id)
    return jsonify(token=generate_csrf())


@compose_presence.post("")
def here(issue_id: UUID) -> ResponseReturnValue:
    """Note who is there; tell who else is, and the revision of each block."""
    tab, piece = _name("tab"), _name("piece") if request.form.get("piece") else ""
    with transaction() as db:
        _issue, document = opened(db, issue_id)
        others = presence.arrive(
            settings().redis_url or "", issue_id, tab, Present(current_user.id, piece), now=utcnow()
        )
        told = [_told(db, other) for other in others]
    return jsonify(others=told, **compose_outline.versions(document))


@compose_presence.post("/left")
def left(issue_id: UUID) -> ResponseReturnValue:
    """Forget a tab that was closed."""
    presence.leave(settings().redis_url or "", issue_id, _name("tab"))
    return "", 204


def _told(db: Session, other: Present) -> dict[str, str]:
    """Return where somebody is, and the sentence about it."""
    if other.staff_id == current_user.id:
        return {
            "piece": other.block_id,
            "told": _("Cette lettre est aussi ouverte dans un autre de vos onglets."),
        }
    name = accounts.name(db, str(other.staff_id))
    told = (
        _("%(name)s écrit ici.", name=name)
        if other.block_id
        else _("%(name)s a ouvert cette lettre.", name=name)
    )
    return {"piece": other.block_id, "told": told}


def _name(field: str) -> str:
    name = request.form.get(field, "")
    if not _NAME.match(name):
        abort(400)
    return name
