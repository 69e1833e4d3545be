"""Hand the ledger's rows of one record of a person over to another, when both turn out to be the same."""

from uuid import UUID

from sqlalchemy import exists, update
from sqlalchemy.orm import Session, aliased

from mailer.delivery import ledger
from mailer.delivery.models import Delivery
from mailer.smtp.replies import WAITING


def merge(db: Session, *, gone: UUID, kept: UUID) -> None:
    """Give `kept` the rows of `gone`.  Of an issue that both were to receive, one copy leaves.

    The row that is left over is nobody's: it stays, as after an erasure, and is withheld if it still waits.
    """
    ledger.hold(db, [gone, kept])
    other = aliased(Delivery)
    twin = exists().where(other.issue_id == Delivery.issue_id, other.subscriber_id == gone)
    waits = Delivery.subscriber_id == kept, Delivery.state.in_(WAITING)
    db.execute(update(Delivery).where(*waits, twin).values(subscriber_id=None, reply=None))
    has = exists().where(other.issue_id == Delivery.issue_id, other.subscriber_id == kept)
    alone = Delivery.subscriber_id == gone
    db.execute(update(Delivery).where(alone, ~has).values(subscriber_id=kept))
    db.execute(update(Delivery).where(alone).values(subscriber_id=None, reply=None))
