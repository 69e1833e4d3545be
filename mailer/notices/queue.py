"""Take notices from the outbox one at a time, the most urgent first, as the pace allows."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session as Database

from mailer.core import circuit, jobs
from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings
from mailer.notices import claim
from mailer.notices.claim import DueNotice
from mailer.notices.message import ClaimedNotice
from mailer.notices.models import Priority
from mailer.notices.outbox import JOB
from mailer.notices.pace import NoticePace
from mailer.smtp.providers import Providers

LOOK_EVERY = 0.5  # seconds after a look that found nothing


@dataclass(frozen=True)
class TakenNotice:
    """Hold a notice that was claimed for a connection, and counts as in flight."""

    claimed: ClaimedNotice
    provider: str
    priority: Priority
    at: float  # time.monotonic, before it was claimed


class NoticeQueue:
    """Claim what may leave next, and withhold that whose reason no longer holds."""

    def __init__(self, settings: Settings, providers: Providers, pace: NoticePace) -> None:
        self._settings, self._providers, self._pace = settings, providers, pace
        self.paced = False  # the pace kept something back when we last looked
        self.look_now()

    def look_now(self) -> None:
        """Look again at once: something has changed."""
        self._look_at = {True: 0.0, False: 0.0}  # with bulk, and without

    def take(self, in_flight: Collection[UUID], *, bulk: bool) -> TakenNotice | None:
        """Return the most urgent notice that may leave now, besides what is in flight; None where none may.

        Raises RowFailed for one that cannot be claimed.
        """
        if time.monotonic() < self._look_at[bulk]:
            return None
        self.paced = False
        for priority in Priority if bulk else (Priority.URGENT, Priority.NORMAL):
            if taken := self._take(priority, in_flight):
                return taken
        wait = self._pace.wait()
        self.paced = self.paced or wait > 0
        pause = 0.0 if self.paced else LOOK_EVERY
        self._look_at[bulk] = time.monotonic() + min(LOOK_EVERY, wait or pause)
        return None

    def _take(self, priority: Priority, in_flight: Collection[UUID]) -> TakenNotice | None:
        while priority is not Priority.BULK or self._pace.allows_bulk():
            now, at = utcnow(), time.monotonic()
            with transaction() as db:
                found = claim.next_due(
                    db, priority, now=now, providers=self._providers, besides=in_flight,
                    full=self._full(db, priority, now),
                )  # fmt: skip
                if found is None:
                    return None
                with jobs.row(JOB, found.notice.id, db):
                    taken = self._taken(db, found, priority, now, at)
            if taken:
                self._pace.begun(taken.provider)  # it is committed: one that failed is in nobody's way
                return taken
        return None

    def _full(self, db: Database, priority: Priority, now: datetime) -> set[str]:
        """Return the providers that are given nothing now; for bulk also those that letters spare."""
        full = self._pace.full()
        if priority is Priority.BULK:
            full |= {name for name, hold in circuit.known(db).items() if hold.until > now}
        return full

    def _taken(
        self, db: Database, found: DueNotice, priority: Priority, now: datetime, at: float
    ) -> TakenNotice | None:
        """Charge it, unless it has no reason left, or the pace does not allow it now."""
        if not claim.has_reason(db, found):
            claim.withhold(found)
            return None
        if not self._pace.grant(found.provider, priority):
            self.paced = True
            return None
        claimed = claim.charge(db, found, now=now, settings=self._settings)
        return TakenNotice(claimed, found.provider, priority, at)
