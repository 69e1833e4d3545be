"""Door: the two links of a change of address: the new mailbox confirms, the old one undoes."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError

from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.tokens import BadToken, Purpose
from mailer.privacy.cases.old_mailbox import UNDO_WITHIN
from mailer.privacy.rights import address_undo, rectification
from mailer.privacy.rights.rectification import CONFIRM_WITHIN, Change
from mailer.web.security import limiter

addresses = Blueprint("addresses", __name__)
TRIES = 5
_AGAIN = {"23505", "23503", "40P01"}  # unique violation, foreign key violation, deadlock


@addresses.get("/new-address/<token>")
def ask_to_confirm(token: str) -> ResponseReturnValue:
    return _ask("new", _read(Purpose.NEW_ADDRESS, token, CONFIRM_WITHIN))


@addresses.post("/new-address/<token>")
@limiter.limit("60 per minute")
def confirm(token: str) -> ResponseReturnValue:
    return _act("new", _read(Purpose.NEW_ADDRESS, token, CONFIRM_WITHIN), rectification.confirm)


@addresses.get("/old-address/<token>")
def ask_to_undo(token: str) -> ResponseReturnValue:
    return _ask("old", _read(Purpose.OLD_ADDRESS, token, UNDO_WITHIN))


@addresses.post("/old-address/<token>")
@limiter.limit("60 per minute")
def undo(token: str) -> ResponseReturnValue:
    return _act("old", _read(Purpose.OLD_ADDRESS, token, UNDO_WITHIN), address_undo.undo)


def _ask(which: str, change_id: UUID | None) -> ResponseReturnValue:
    """Show the question; it names no address."""
    with transaction() as db:
        change = rectification.open_for(db, change_id, now=utcnow()) if change_id else None
    if change is None:
        return _said(which, Change.OVER)
    return render_template("rights/address.html", which=which)


def _act(which: str, change_id: UUID | None, act: Callable[..., Change]) -> ResponseReturnValue:
    if change_id is None:
        return _said(which, Change.OVER)
    return _said(which, _acted(act, change_id))


def _acted(act: Callable[..., Change], change_id: UUID, tries: int = TRIES) -> Change:
    """Act, again if a sign-up or an import took the address in that instant: it is seen by then."""
    try:
        with transaction() as db:
            return act(db, change_id, now=utcnow())
    except DBAPIError as error:
        if tries == 1 or getattr(error.orig, "sqlstate", None) not in _AGAIN:
            raise
    return _acted(act, change_id, tries - 1)


def _said(which: str, became: Change) -> ResponseReturnValue:
    page = render_template("rights/address_said.html", which=which, became=became)
    return page, 410 if became is Change.OVER else 200


def _read(purpose: Purpose, token: str, within: timedelta) -> UUID | None:
    try:
        return UUID(tokens.read(purpose, token, max_age=within))
    except BadToken:
        return None
