"""Say before a send what is odd about how many people it would go to."""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailer.issues.findings import Finding, warning
from mailer.issues.models import Issue
from mailer.subscribers.eligibility import Withheld
from mailer.subscribers.recipients import count, recipient

WAITING = "introductions_wait"  # of imported people


def findings(db: Session, issue: Issue) -> list[Finding]:
    """Return the warnings about the audience of an issue that would leave now."""
    return [*_size(count(db, issue.newsletter_id), _last_audience(db, issue)), *_waiting(db, issue)]


def _size(expected: int, last: int) -> Iterator[Finding]:
    if not expected:
        yield warning("audience_empty")
    elif 2 * expected < last:
        yield warning("audience_fell", expected=expected, last=last)


def _last_audience(db: Session, issue: Issue) -> int:
    sent = select(Issue.audience).where(
        Issue.newsletter_id == issue.newsletter_id, Issue.id != issue.id, Issue.started_at.is_not(None)
    )
    return db.scalar(sent.order_by(Issue.started_at.desc()).limit(1)) or 0


def _waiting(db: Session, issue: Issue) -> Iterator[Finding]:
    if people := waiting(db, issue.newsletter_id):
        yield warning(WAITING, count=people)


def waiting(db: Session, newsletter_id: UUID) -> int:
    """Return how many imported people have not been told yet, and would not receive an issue before."""
    now = recipient()
    theirs = now.c.newsletter_id == newsletter_id, now.c.withheld == Withheld.UNINFORMED
    return db.scalar(select(func.count()).select_from(now).where(*theirs)) or 0
