"""Select whom we may write to for a newsletter, and why not the others.

The one answer is the SQL function `recipient` (migrations/functions/recipient.sql): every reader selects from
it.  A notice that answers a person's own act does not.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    LargeBinary,
    String,
    TableValuedAlias,
    Uuid,
    column,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from mailer.core.db import enum
from mailer.subscribers.eligibility import PASSING, Withheld
from mailer.subscribers.models import Subscriber


def recipient(at: datetime | None = None) -> TableValuedAlias:
    """Return one row a subscription, `withheld` being NULL where they may be written to at that instant.

    The instant is the transaction's own on PostgreSQL's clock, unless another is given.
    """
    instant = func.now() if at is None else literal(at, DateTime(timezone=True))
    return func.recipient(instant).table_valued(
        column("subscription_id", Uuid), column("subscriber_id", Uuid), column("newsletter_id", Uuid),
        column("consent_id", Uuid), column("email", String), column("fingerprint", LargeBinary),
        column("name", String), column("locale", String),
        column("withheld", enum(Withheld)),
        name="recipient",
    )  # fmt: skip


def receives(recipients: TableValuedAlias) -> ColumnElement[bool]:
    """Return the condition that issues go to them, as `eligibility.receives` has it."""
    return or_(recipients.c.withheld.is_(None), recipients.c.withheld.in_(PASSING))


def pause_ends(db: Session, subscription_id: UUID) -> datetime | None:
    """Return until when a pause of theirs alone keeps issues from a subscription; None where it does not."""
    now = recipient()
    joined = select(Subscriber.paused_until).join(now, now.c.subscriber_id == Subscriber.id)
    paused = now.c.subscription_id == subscription_id, now.c.withheld == Withheld.PAUSED
    return db.scalar(joined.where(*paused))


def count(db: Session, newsletter_id: UUID) -> int:
    """Return how many people a newsletter would be sent to now: whom a freeze would write down."""
    now = recipient()
    theirs = now.c.newsletter_id == newsletter_id, now.c.withheld.is_(None)
    return db.scalar(select(func.count()).select_from(now).where(*theirs)) or 0
