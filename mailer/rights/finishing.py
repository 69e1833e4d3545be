"""The end of an erasure: the mailbox cleaned, then the address let go once the certificate has left.

Like the intake, this opens its own transactions: none may stay open while a server is spoken to.
"""

from collections.abc import Callable
from datetime import datetime

from mailer import telemetry
from mailer.db import transaction
from mailer.rights import erasure, imap
from mailer.rights.imap import InboxDown
from mailer.rights.models import RightsRequest
from mailer.settings import Settings


def work(settings: Settings, *, clock: Callable[[], datetime]) -> int:
    """Finish what can be; how many.  What a mailbox that is down keeps is tried again at the next sweep."""
    with transaction() as db:
        waiting = erasure.unfinished(db)
        emails = {case_id: db.get_one(RightsRequest, case_id).email for case_id in waiting}
    finished = 0
    for case_id, email in emails.items():
        try:
            _clean(settings, email)
        except InboxDown as error:
            telemetry.log.error("an erasure waits for the mailbox", case=str(case_id), reason=str(error))
            continue
        with transaction() as db:
            finished += erasure.finish(db, case_id, now=clock())
    return finished


def _clean(settings: Settings, email: str | None) -> None:
    """Delete what they wrote to the published address.  Raises InboxDown."""
    if settings.inbox_url and email:
        with imap.opened(settings.inbox_url.get_secret_value()) as mailbox:
            mailbox.erase(email)
