"""Changes of address as people make them, and the seven days in which the old mailbox may undo one."""

from uuid import UUID

from flask import Flask
from sqlalchemy import select, update

from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.tokens import Purpose
from mailer.privacy.cases import old_mailbox
from mailer.privacy.models import AddressChange
from mailer.privacy.rights import rectification
from tests.support.rights_links import Visitor


def change_to(email: str) -> UUID:
    """The last change to this address that was asked for."""
    with transaction() as db:
        asked = select(AddressChange.id).where(AddressChange.new_email == email)
        return db.scalars(asked.order_by(AddressChange.asked_at.desc()).limit(1)).one()


def confirm_link(change: UUID) -> str:
    return rectification.NEW_PATH + tokens.issue(Purpose.NEW_ADDRESS, change.hex)


def undo_link(change: UUID) -> str:
    return old_mailbox.PATH + tokens.issue(Purpose.OLD_ADDRESS, change.hex)


def move(app: Flask, old: str, new: str) -> UUID:
    """Somebody in a session of their own asks for another address, whose mailbox confirms; the change."""
    Visitor(app, old).post("/address", email=new)
    change = change_to(new)
    assert app.test_client().post(confirm_link(change)).status_code == 200
    return change


def let_undo_lapse() -> None:
    """Let the seven days of every change go by, and what has waited for it begin."""
    now = utcnow()
    with transaction() as db:
        made = update(AddressChange).where(AddressChange.confirmed_at.is_not(None))
        db.execute(made.values(expires_at=now))
        waits = update(AddressChange).where(AddressChange.waits_until.is_not(None))
        db.execute(waits.values(waits_until=now))
        rectification.begin_due(db, now=now)
        rectification.forget(db, now=now)
