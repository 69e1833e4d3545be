"""Delete the notices of a person, or to an address."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete, or_, update
from sqlalchemy.orm import Session

from mailer.core.db import changed
from mailer.notices.models import Notice, NoticeKind
from mailer.smtp.replies import WAITING, DeliveryState

_ON_A_CASE = (NoticeKind.RECEIPT, NoticeKind.IDENTITY, NoticeKind.EXTENDED, NoticeKind.REFUSED,
              NoticeKind.ANSWERED, NoticeKind.LETTER)  # fmt: skip
_ON_A_CHANGE_OF_ADDRESS = NoticeKind.NEW_ADDRESS, NoticeKind.ADDRESS_CHANGED


def erase(db: Session, subscriber_ids: Collection[UUID], emails: set[str], others: set[str]) -> int:
    """Delete what was written to these people and addresses, but what is still to leave on a case; how many.

    `others`: the addresses that theirs was, or was to be, changed from or to; of these, what is about that.
    """
    leaving = Notice.kind.in_(_ON_A_CASE) & Notice.state.in_(WAITING)
    theirs = or_(
        Notice.subscriber_id.in_(subscriber_ids),
        Notice.email.in_(emails) & ~leaving,
        Notice.email.in_(others) & Notice.kind.in_(_ON_A_CHANGE_OF_ADDRESS),
    )
    return changed(db, delete(Notice).where(theirs))


def erase_to(db: Session, email: str) -> None:
    """Delete whatever was written to that address."""
    db.execute(delete(Notice).where(Notice.email == email))


def give_up_waiting(db: Session) -> int:
    """Call unknown whatever is still to leave; how many."""
    waiting = update(Notice).where(Notice.state.in_(WAITING))
    return changed(db, waiting.values(state=DeliveryState.UNKNOWN))
