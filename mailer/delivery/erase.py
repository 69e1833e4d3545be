"""Take people out of the ledger, whose rows still add up."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from mailer.core.db import changed
from mailer.delivery import ledger
from mailer.delivery.models import Delivery
from mailer.issues.models import Issue


def erase(db: Session, subscriber_ids: Sequence[UUID]) -> int:
    """Leave their rows without the person, and without what the relay said of their mailbox; how many."""
    ledger.hold(db, subscriber_ids)
    theirs = Delivery.subscriber_id.in_(subscriber_ids)
    return changed(db, update(Delivery).where(theirs).values(subscriber_id=None, reply=None))


def forget_replies(db: Session, *, before: datetime) -> int:
    """Drop what relays said in the sends that closed before then; of how many rows."""
    return changed(db, update(Delivery).where(*_replied(before)).values(reply=None))


def replies(db: Session, *, before: datetime) -> int:
    """Count what `forget_replies` would drop."""
    return db.scalar(select(func.count()).select_from(Delivery).where(*_replied(before))) or 0


def _replied(before: datetime) -> tuple[ColumnElement[bool], ...]:
    old = select(Issue.id).where(Issue.closed_at <= before)
    return Delivery.issue_id.in_(old), Delivery.reply.is_not(None)
