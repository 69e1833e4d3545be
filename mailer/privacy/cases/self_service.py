"""Record a right exercised behind a link as a case like any other, answered on the spot."""

from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from mailer.privacy.cases import old_mailbox, register
from mailer.privacy.cases.register import PERSON, SERVICE
from mailer.privacy.models import Channel, Outcome, Right, RightsLink, RightsRequest


def begin(db: Session, link: RightsLink, right: Right, *, now: datetime, **details: Any) -> RightsRequest:
    """Open a case for this session; the page itself is its receipt.

    A mailbox that may still undo a change to this address hears that a right was exercised.
    """
    case = register.open(
        db, right=right, channel=Channel.LINK, email=link.email, locale=link.locale, by=PERSON, receipt=False,
        now=now, **details,
    )  # fmt: skip
    case.acknowledged_at = now
    old_mailbox.tell_of_act(db, link.fingerprint, now=now)
    return case


def answered(db: Session, link: RightsLink, right: Right, *, now: datetime, **details: Any) -> RightsRequest:
    """Open a case and close it: what was asked for is done."""
    case = begin(db, link, right, now=now, **details)
    register.close(db, case, Outcome.GRANTED, by=SERVICE, now=now)
    return case


def already(db: Session, link: RightsLink, right: Right) -> bool:
    """Return whether this right was exercised in this session."""
    mine = RightsRequest.fingerprint == link.fingerprint, RightsRequest.right == right
    since = RightsRequest.received_at >= link.used_at
    return db.scalar(select(exists().where(*mine, since))) or False
