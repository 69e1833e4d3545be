"""Delete the notices of a person, or to an address, and take an address out of what others were told."""

from collections.abc import Callable, Collection
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from mailer.core.db import changed
from mailer.notices.models import Notice, NoticeKind
from mailer.smtp.replies import WAITING, DeliveryState

_ON_A_CASE = (NoticeKind.RECEIPT, NoticeKind.IDENTITY, NoticeKind.EXTENDED, NoticeKind.REFUSED,
              NoticeKind.ANSWERED, NoticeKind.LETTER)  # fmt: skip
_WORDS = "words"  # of a notice's facts: what a person wrote


def erase(db: Session, subscriber_ids: Collection[UUID], emails: set[str]) -> int:
    """Delete what was written to these people and addresses, but what is still to leave on a case; how many.

    What was written to another address about these people goes with them.
    """
    leaving = Notice.kind.in_(_ON_A_CASE) & Notice.state.in_(WAITING)
    theirs = or_(
        Notice.subscriber_id.in_(subscriber_ids),
        Notice.about_id.in_(subscriber_ids),
        Notice.email.in_(emails) & ~leaving,
    )
    return changed(db, delete(Notice).where(theirs))


def erase_to(db: Session, emails: Collection[str]) -> None:
    """Delete whatever was written to these addresses."""
    db.execute(delete(Notice).where(Notice.email.in_(emails)))


def redact(db: Session, without: Callable[[str], str]) -> int:
    """Take an address out of the words that were, or are, sent to others; return in how many mails."""
    written = Notice.facts.has_key(_WORDS), Notice.facts[_WORDS].astext.contains("@")
    quoting = select(Notice).where(*written).with_for_update()
    count = 0
    for notice in db.scalars(quoting).all():
        facts = notice.facts or {}
        words = without(facts[_WORDS])
        if words != facts[_WORDS]:
            notice.facts, count = facts | {_WORDS: words}, count + 1
    db.flush()
    return count


def give_up_waiting(db: Session) -> int:
    """Call unknown whatever is still to leave; how many."""
    waiting = update(Notice).where(Notice.state.in_(WAITING))
    return changed(db, waiting.values(state=DeliveryState.UNKNOWN))
