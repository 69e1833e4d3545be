"""After a restore nobody knows what left since the backup: nothing of it leaves again by itself."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailer.core.db import changed
from mailer.issues import lifecycle
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.notices import erase as notices

_BEGUN = IssueState.SENDING, IssueState.PAUSED

# A cancelled issue took no more rows after the backup: only what was in a worker's hands may have left since.
_UNKNOWN = text("""
UPDATE delivery d SET
    state = CASE WHEN d.consent_id IS NULL THEN 'withheld' ELSE 'unknown' END,
    withheld = CASE WHEN d.consent_id IS NULL THEN 'erased' END,
    worker = NULL, changed_at = :now
FROM issue i
WHERE i.id = d.issue_id AND (
    d.state IN ('pending', 'deferred', 'handed') AND i.state IN ('sending', 'paused')
    OR d.state = 'handed' AND i.state = 'cancelled')
""")


@dataclass
class StoppedSends:
    """Name what was stopped, and waits for a person."""

    paused: list[str] = field(default_factory=list)  # ids of issues
    drafts: list[str] = field(default_factory=list)  # that were scheduled
    deliveries: int = 0
    notices: int = 0


def pause_all(db: Session, *, now: datetime) -> StoppedSends:
    """Pause every issue that had begun, and call unknown what had no final state; unschedule the others.

    Repeating it changes nothing.  A notice that waited is unknown too: it may have left since.
    """
    found = StoppedSends(deliveries=changed(db, _UNKNOWN, now=now))
    open_ = Issue.state.in_((*_BEGUN, IssueState.SCHEDULED))
    for issue in db.scalars(select(Issue).where(open_).order_by(Issue.created_at).with_for_update()):
        if issue.state is IssueState.SCHEDULED:
            lifecycle.unschedule(db, issue)
            found.drafts.append(str(issue.id))
            continue
        if issue.state is IssueState.SENDING:
            lifecycle.pause(db, issue)
        found.paused.append(str(issue.id))
    found.notices = notices.give_up_waiting(db)
    db.flush()
    return found
