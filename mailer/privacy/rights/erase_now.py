"""An erasure, with what only the audit knows of it: the files that staff took out, and who had it done."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from mailer.core import audit
from mailer.privacy.cases.register import PERSON
from mailer.privacy.rights import disclosed_files, erasure, erasure_worker
from mailer.privacy.rights.erasure_certificate import Erasure

Clock = Callable[[], datetime]


def attempt(case_id: UUID, *, clock: Clock) -> Erasure | None:
    """Erase what a case asks for.  None: it could not be; the service tries again."""
    return erasure_worker.attempt(case_id, grant, clock=clock)


def retry(*, clock: Clock) -> int:
    """Try again what failed, or was cut short; how many were done."""
    return erasure_worker.retry(grant, clock=clock)


def grant(db: Session, case_id: UUID, *, now: datetime) -> Erasure | None:
    """Erase; a line of the audit if it was staff's act, in the same transaction."""
    done = erasure.grant(db, case_id, files=disclosed_files.files, now=now)
    if done and done.first and done.by != PERSON:
        details = {"case": done.number, "rows": done.rows, "never_again": done.never_again}
        audit.record(db, who=done.by, what="rights erase", details=details, now=now)
    return done
