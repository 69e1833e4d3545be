"""Try erasures again until they are done, then clean the mailbox, and delete the address from the case.

The address goes once the certificate has left.

Like the intake, this opens its own transactions: none may stay open while a server is spoken to.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from mailer.core import circuit, imap, jobs
from mailer.core.db import transaction
from mailer.core.imap import MailboxDown
from mailer.core.logging import log
from mailer.core.settings import Settings
from mailer.privacy.mailbox.erase import erase
from mailer.privacy.models import RightsRequest
from mailer.privacy.rights import erasure
from mailer.privacy.rights.erasure import ErasureWaits
from mailer.privacy.rights.erasure_certificate import ErasureCertificate

RETRY, FINISH = "erasures", "erasures to finish"


def work(settings: Settings, *, clock: Callable[[], datetime]) -> int:
    """Finish what can be; return how many.  Those that wait for a mailbox are tried at the next sweep."""
    with transaction() as db:
        waiting = _to_try(db, FINISH, erasure.unfinished(db))
        emails = {case_id: _theirs(db, case_id) for case_id in waiting}
    finished = 0
    for case_id, theirs in emails.items():
        try:
            _clean(settings, theirs)
        except MailboxDown as error:
            log.error("an erasure waits for the mailbox", case=str(case_id), reason=str(error))
            break
        with jobs.row(FINISH, case_id), transaction() as db:
            finished += erasure.finish(db, case_id, now=clock())
    return finished


def _theirs(db: Session, case_id: UUID) -> set[str]:
    """Return the address of a case, and those they had before."""
    return erasure.written_to(db, db.get_one(RightsRequest, case_id), erasure.EARLIER)


def _to_try(db: Session, job: str, cases: Iterable[UUID]) -> list[UUID]:
    aside = jobs.set_aside(db, job)
    return [case_id for case_id in cases if str(case_id) not in aside]


def attempt(case_id: UUID, *, clock: Callable[[], datetime]) -> ErasureCertificate | ErasureWaits | None:
    """Erase what a case asks for, or hold it back while a change of address may be undone.

    Return None if that failed, which the case and an alarm then say.
    """
    try:
        with transaction() as db:
            return erasure.grant(db, case_id, now=clock())
    except Exception as error:  # whatever it was: it is said, and tried again
        log.error("an erasure failed", case=str(case_id), error=type(error).__name__)
    with transaction() as db:
        erasure.failed(db, case_id, now=clock())
        circuit.hit(db, circuit.ERASURE, f"{len(erasure.undone(db, now=clock()))}", now=clock())
    return None


def retry(*, clock: Callable[[], datetime]) -> int:
    """Try again what failed, or was interrupted; return how many were done."""
    with transaction() as db:
        waiting = _to_try(db, RETRY, erasure.undone(db, now=clock()))
    done = 0
    for case_id in waiting:
        with jobs.row(RETRY, case_id):
            done += isinstance(attempt(case_id, clock=clock), ErasureCertificate)
    with transaction() as db:
        if not erasure.undone(db, now=clock()):
            circuit.clear(db, circuit.ERASURE)
    return done


def _clean(settings: Settings, emails: Collection[str]) -> None:
    """Delete what they wrote to the published address, from any that was theirs.  Raises MailboxDown."""
    if settings.inbox_url and emails:
        with imap.opened(settings.inbox_url.get_secret_value()) as mailbox:
            for email in sorted(emails):
                erase(mailbox, email)
