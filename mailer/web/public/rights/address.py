"""Door: the two links of a change of address: the new mailbox confirms, the old one undoes."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError

from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.tokens import BadToken, Purpose
from mailer.privacy.rights import rectification
from mailer.privacy.rights.rectification import CONFIRM_WITHIN, UNDO_WITHIN, Change
from mailer.web.security import limiter

addresses = Blueprint("addresses", __name__)


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
    return _act("old", _read(Purpose.OLD_ADDRESS, token, UNDO_WITHIN), rectification.undo)


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
    try:
        became = _acted(act, change_id)
    except IntegrityError:  # a sign-up has taken the address in that instant, which is seen by now
        became = _acted(act, change_id)
    return _said(which, became)


def _acted(act: Callable[..., Change], change_id: UUID) -> Change:
    with transaction() as db:
        return act(db, change_id, now=utcnow())


def _said(which: str, became: Change) -> ResponseReturnValue:
    page = render_template("rights/address_said.html", which=which, became=became)
    return page, 410 if became is Change.OVER else 200


def _read(purpose: Purpose, token: str, within: timedelta) -> UUID | None:
    try:
        return UUID(tokens.read(purpose, token, max_age=within))
    except BadToken:
        return None
