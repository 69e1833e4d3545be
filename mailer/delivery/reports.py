"""What one asks of the ledger: how far an issue is, what became of it, and whom a delivery was for."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailer.delivery.models import Delivery
from mailer.issues.models import Issue
from mailer.newsletters.models import Newsletter
from mailer.smtp.replies import FINAL
from mailer.subscribers.models import Subscription


@dataclass(frozen=True)
class Progress:
    """Say where an issue's deliveries are."""

    audience: int
    pending: int = 0
    handed: int = 0
    deferred: int = 0
    accepted: int = 0
    refused: int = 0
    withheld: int = 0
    unknown: int = 0

    @property
    def final(self) -> int:
        """Return rows whose state will not change by itself."""
        return sum(int(getattr(self, state)) for state in FINAL)

    @property
    def done(self) -> bool:
        return self.final == self.audience


def progress(db: Session, issue_id: UUID) -> Progress:
    """Count the rows of an issue by state."""
    states = (
        select(Delivery.state, func.count()).where(Delivery.issue_id == issue_id).group_by(Delivery.state)
    )
    counts = {state.value: count for state, count in db.execute(states)}
    return Progress(audience=sum(counts.values()), **counts)


@dataclass(frozen=True)
class Addressee:
    """Say whom a delivery was for, seen from a link in it."""

    newsletter_slug: str
    subscription_id: UUID | None  # None once erased


def addressee(db: Session, send_id: UUID, position: int) -> Addressee | None:
    """Resolve a delivery token; None when there is no such delivery (a restored, older database)."""
    found = db.execute(
        select(Newsletter.slug, Subscription.id)
        .select_from(Delivery)
        .join(Issue, Issue.id == Delivery.issue_id)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        .outerjoin(
            Subscription,
            (Subscription.subscriber_id == Delivery.subscriber_id)
            & (Subscription.newsletter_id == Newsletter.id),
        )
        .where(Issue.send_id == send_id, Delivery.position == position)
    ).one_or_none()
    return Addressee(*found) if found else None
