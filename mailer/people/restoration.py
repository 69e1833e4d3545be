"""Whether this database may be used: a restored one is disarmed until the journal of wills was replayed.

Disarmed, no page about people is served, and nothing is frozen, claimed or sent.
"""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from mailer.people.models import Restoration


def disarmed(db: Session) -> bool:
    """Whether what people asked for since the backup may still be missing."""
    return not db.scalar(select(exists().where(Restoration.armed_at.is_not(None))))
