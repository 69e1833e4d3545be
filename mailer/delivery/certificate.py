"""Certify what the ledger says of an issue that has left."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailer.delivery.models import Delivery, Resolution, ResolutionKind
from mailer.delivery.reports import progress
from mailer.issues.models import Approval, Issue
from mailer.issues.state_machine import IssueState
from mailer.newsletters.models import Newsletter


class NotClosed(Exception):
    """Say that the certificate is asked of an issue that has not finished leaving."""


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


def certify(db: Session, issue_id: UUID) -> Certificate:
    """Return the account of a closed issue.  Raises NotClosed."""
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
