"""Say whose data the notices to a bare address are, once the address is no longer theirs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from mailer.notices.models import Notice


def keep_with(db: Session, subscriber_id: UUID, email: str, *, since: datetime | None) -> None:
    """Keep what was written to an address with the person who leaves it; `since`: when it became theirs."""
    theirs = Notice.email == email, Notice.about_id.is_(None)
    had = (Notice.created_at >= since,) if since else ()
    db.execute(update(Notice).where(*theirs, *had).values(about_id=subscriber_id))


def hand_over(db: Session, *, gone: UUID, kept: UUID) -> None:
    """Give `kept` the notices of `gone`: both records are one person's."""
    for column in (Notice.subscriber_id, Notice.about_id):
        db.execute(update(Notice).where(column == gone).values({column: kept}))
