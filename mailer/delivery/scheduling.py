"""Approve an issue and say when it leaves, once every warning about it is acknowledged."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from mailer.core.settings import Settings
from mailer.delivery import expected_audience
from mailer.issues import acknowledgement, lifecycle
from mailer.issues.acknowledgement import NotAcknowledged, Warned
from mailer.issues.findings import Finding
from mailer.issues.models import Issue


def warnings(
    db: Session, issue: Issue, settings: Settings, *, leaves: datetime, waits: bool = False
) -> list[Warned]:
    """Return what has to be acknowledged before an issue may leave at that instant: about whom it goes to,
    first.

    `waits`: whether it leaves only once imported people are told, so that nobody has to be warned of these.
    """
    return warned(db, issue, lifecycle.findings(db, issue, settings, leaves=leaves), waits=waits)


def schedule(
    db: Session, issue: Issue, settings: Settings, *, due_at: datetime, approver: str, locale: str,
    acknowledged: Collection[str] | None, now: datetime, waits: bool = False,
) -> list[Warned]:  # fmt: skip
    """Approve and schedule an issue; return the warnings that were acknowledged, which the approval keeps.

    `acknowledged`: the keys of those that were read; None when all are accepted as they stand.
    Raises ForbiddenMove, NotReady, NotAcknowledged.
    """
    asked = warned(db, issue, lifecycle.ready(db, issue, settings, leaves=due_at), waits=waits)
    if acknowledged is not None and (missing := acknowledgement.missing(asked, acknowledged)):
        raise NotAcknowledged(missing)
    lifecycle.approve(
        db, issue, settings, due_at=due_at, approver=approver, now=now, after_introductions=waits,
        acknowledged=acknowledgement.recorded(asked, locale),
    )  # fmt: skip
    return asked


def warned(db: Session, issue: Issue, findings: list[Finding], *, waits: bool = False) -> list[Warned]:
    """Return the warnings among findings, after those about whom the issue would go to."""
    audience = expected_audience.findings(db, issue)
    waited_for = expected_audience.WAITING if waits else ""
    every = [*(finding for finding in audience if finding.code != waited_for), *findings]
    return acknowledgement.warned(every, issue.content, lifecycle.acknowledged(db, issue))
