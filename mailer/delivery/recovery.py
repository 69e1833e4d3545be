"""What a worker that died left in the ledger, settled from its journal, or from its silence.

Like the sender, and unlike the rooms, `recover` opens its own transactions: a journal may only be removed
once what it says is committed.
"""

from collections import defaultdict
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from mailer.core import jobs
from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings
from mailer.delivery import journal, ledger
from mailer.delivery.journal import AbandonedJournal
from mailer.delivery.ledger import Outcome
from mailer.smtp.replies import DeliveryState

JOB = "recovery"  # its rows are dead workers


def folder(settings: Settings) -> Path:
    """Return where this host's journals are."""
    return settings.data_dir / "journal"


def recover(journals: Path) -> int:
    """Settle the rows of every worker of this host that is dead; how many are unknown."""
    unknown = 0
    with transaction() as db:
        aside = jobs.set_aside(db, JOB)
    for path in (each for each in journal.files(journals) if each.stem not in aside):
        with jobs.row(JOB, path.stem), journal.abandoned(path) as abandoned:
            if abandoned:
                with transaction() as db:
                    unknown += settle_abandoned(db, abandoned, now=utcnow())
    return unknown


def settle_abandoned(db: Session, abandoned: AbandonedJournal, *, now: datetime) -> int:
    """Give the rows it speaks of its last word, make the others pending; return how many are unknown.

    After a restart of the machine its last lines may be missing: then the others are unknown too.
    """
    last = defaultdict[bool, list[Outcome]](list)
    for outcome in abandoned.last.values():
        last[outcome.state is DeliveryState.UNKNOWN].append(outcome)
    ledger.settle(db, abandoned.worker, last[False], now=now)
    unknown = ledger.settle(db, abandoned.worker, last[True], now=now)
    rest = DeliveryState.PENDING if abandoned.same_boot else DeliveryState.UNKNOWN
    released = ledger.release(db, abandoned.worker, rest, now=now)
    return unknown if abandoned.same_boot else unknown + released
