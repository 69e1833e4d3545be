"""What one asks of the ledger: how far an issue is, what became of it, and whom a delivery was for."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailer.issues.models import Approval, Issue, Newsletter
from mailer.issues.rules import IssueState
from mailer.people.models import Subscription
from mailer.sending.models import Delivery, Resolution, ResolutionKind
from mailer.sending.rules import FINAL


class NotClosed(Exception):
    """The certificate is asked of an issue that has not finished leaving."""


@dataclass(frozen=True)
class Progress:
    """Where an issue's deliveries are."""

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
        """Rows whose state will not change by itself."""
        return sum(int(getattr(self, state)) for state in FINAL)

    @property
    def done(self) -> bool:
        return self.final == self.audience


@dataclass(frozen=True)
class Certificate:
    """What the ledger says of an issue that has left: audience = accepted + refused + withheld + unknown."""

    issue: str
    title: str
    newsletter: str
    content_sha256: str
    approver: str
    approved_at: str
    started_at: str
    closed_at: str
    candidates: int
    excluded: int
    audience: int
    accepted: int
    refused: int
    withheld: int
    unknown: int
    withheld_reasons: dict[str, int]
    proved: int  # among accepted: unknown until the relay's own log showed that it took them
    resent: int  # unknown, and sent again by choice: so many people at most may have had two copies

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def progress(db: Session, issue_id: UUID) -> Progress:
    """Count the rows of an issue by state."""
    states = (
        select(Delivery.state, func.count()).where(Delivery.issue_id == issue_id).group_by(Delivery.state)
    )
    counts = {state.value: count for state, count in db.execute(states)}
    return Progress(audience=sum(counts.values()), **counts)


def certificate(db: Session, issue_id: UUID) -> Certificate:
    """The account of a closed issue.  Raises NotClosed."""
    issue = db.get_one(Issue, issue_id)
    if issue.state is not IssueState.CLOSED or issue.revision_id is None:
        raise NotClosed(issue_id)
    counts = progress(db, issue_id)
    reasons = select(Delivery.withheld, func.count()).where(Delivery.issue_id == issue_id)
    approval = _approval(db, issue)
    return Certificate(
        issue=str(issue.id),
        title=issue.title,
        newsletter=db.get_one(Newsletter, issue.newsletter_id).slug,
        content_sha256=issue.revision_id.hex(),
        approver=approval.approver,
        approved_at=approval.at.isoformat(),
        started_at=_iso(issue.started_at),
        closed_at=_iso(issue.closed_at),
        candidates=issue.candidates or 0,
        excluded=issue.excluded or 0,
        audience=counts.audience,
        accepted=counts.accepted,
        refused=counts.refused,
        withheld=counts.withheld,
        unknown=counts.unknown,
        withheld_reasons=_by_reason(db.execute(reasons.group_by(Delivery.withheld)).all()),
        proved=_resolved(db, issue_id, ResolutionKind.PROVED),
        resent=_resolved(db, issue_id, ResolutionKind.RESENT),
    )


def _approval(db: Session, issue: Issue) -> Approval:
    mine = Approval.issue_id == issue.id, Approval.revision_id == issue.revision_id
    return db.scalars(select(Approval).where(*mine).order_by(Approval.at.desc()).limit(1)).one()


def _resolved(db: Session, issue_id: UUID, kind: ResolutionKind) -> int:
    rows = select(func.sum(Resolution.rows)).where(Resolution.issue_id == issue_id, Resolution.kind == kind)
    return db.scalar(rows) or 0


def _by_reason(rows: Iterable[Any]) -> dict[str, int]:
    return {reason.value: count for reason, count in rows if reason is not None}


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


@dataclass(frozen=True)
class Addressee:
    """Whom a delivery was for, seen from a link in it."""

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
