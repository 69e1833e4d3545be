"""Sending the single mails that are due, as their worker does."""

import time
from contextlib import closing

from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings
from mailer.notices import outbox
from mailer.notices.worker import NoticeWorker
from tests.support.waiting import until


def send_due(settings: Settings) -> int:
    """Send every notice that is due, over connections of its own; return how many were tried."""
    with closing(NoticeWorker(settings)) as worker:

        def sent() -> bool:
            waits = worker.busy or _waiting()
            if waits:
                worker.work(time.monotonic() + 0.5)
            return not waits

        until(sent, "what is due never leaves")
        return worker.claimed


def _waiting() -> bool:
    with transaction() as db:
        return outbox.waiting(db, now=utcnow())
