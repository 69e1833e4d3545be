"""Tell which issues are due to be frozen, which are so late that they ask, and whether rows are due."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from mailer.core import jobs
from mailer.delivery import expected_audience
from mailer.delivery.models import Delivery
from mailer.issues import lifecycle
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.newsletters.models import Newsletter
from mailer.smtp.replies import WAITING

FREEZE = "freeze"  # a job, whose rows are issues


def to_freeze(db: Session, *, now: datetime, late_after: timedelta) -> list[UUID]:
    """Return the issues whose time has come, without those of `late`; put off those that wait for others."""
    waits = _waiting_for_introductions(db, now=now)
    lifecycle.postpone(db, waits, now=now)
    here = (
        Issue.state == IssueState.SCHEDULED,
        Issue.due_at.between(now - late_after, now),
        Issue.id.not_in(waits),
    )
    return list(db.scalars(select(Issue.id).where(*here, _newsletter_goes(), jobs.to_try(FREEZE, Issue.id))))


def _waiting_for_introductions(db: Session, *, now: datetime) -> list[UUID]:
    """Return the issues that are due, and were to leave once imported people are told, while some are not."""
    here = Issue.state == IssueState.SCHEDULED, Issue.after_introductions, Issue.due_at <= now
    due = db.scalars(select(Issue).where(*here))
    return [issue.id for issue in due if expected_audience.waiting(db, issue.newsletter_id)]


def is_late(issue: Issue, *, now: datetime, late_after: timedelta) -> bool:
    """Return whether an issue is one of `late`."""
    return (
        issue.state is IssueState.SCHEDULED and issue.due_at is not None and issue.due_at < now - late_after
    )


def late(db: Session, *, now: datetime, late_after: timedelta) -> list[Issue]:
    """Return the issues that should have left so long ago that a person is asked whether they still shall."""
    here = Issue.state == IssueState.SCHEDULED, Issue.due_at < now - late_after
    return list(db.scalars(select(Issue).where(*here).order_by(Issue.due_at)))


def _newsletter_goes() -> ColumnElement[bool]:
    return Issue.newsletter_id.in_(select(Newsletter.id).where(Newsletter.paused_at.is_(None)))


def is_due(db: Session, *, now: datetime) -> bool:
    """Return whether a row of an issue that leaves is due."""
    waiting = (
        select(Delivery.position)
        .where(
            Delivery.issue_id == Issue.id,
            Delivery.state.in_(WAITING),
            Delivery.due_at <= now,
        )
        .exists()
    )
    here = select(Issue.id).where(Issue.state == IssueState.SENDING, waiting, _newsletter_goes())
    return db.scalar(here.limit(1)) is not None
