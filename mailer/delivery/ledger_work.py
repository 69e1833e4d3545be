"""Recheck, record and claim in the ledger: one transaction, beside the sockets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from mailer.core import clock, heartbeats
from mailer.core.db import transaction, utcnow
from mailer.delivery import claim, ledger, refusals
from mailer.delivery.breaker import Trip
from mailer.delivery.claim import Claim, Claimed, ProviderBudget, Rechecked
from mailer.delivery.ledger import Outcome
from mailer.delivery.load_issue import LeavingIssue
from mailer.delivery.shaping.budget import ProviderReplies, SendingBudget

GATE = 1.0  # seconds for which a look at the ledger is good

Issues = Mapping[UUID, LeavingIssue]
Load = Callable[[Session, Issues], Issues]  # the issues that leave now, given those known already


class LedgerAnswer(NamedTuple):
    """Hold what came of the transaction."""

    claim: Claim
    recorded: Sequence[Outcome]
    rechecked: Rechecked
    until: float  # clock.steady() by which those that were allowed have to begin
    issues: Issues


@dataclass(frozen=True)
class LedgerWork:
    """Recheck what waits for it, record what is over, claim what comes next, see which issues leave."""

    worker: UUID
    known: Issues
    load: Load
    rechecking: Sequence[Claimed]
    outcomes: Sequence[Outcome]
    trips: Sequence[tuple[UUID, Trip]]
    replies: ProviderReplies
    budgets: Sequence[ProviderBudget]
    limit: int
    heartbeat_due: bool

    def run(self, budget: SendingBudget) -> LedgerAnswer:
        """Commit all of it; the seconds of the gate count from before each statement."""
        now, taken = utcnow(), Claim()
        with transaction() as db:
            until = clock.steady() + GATE
            rechecked = claim.recheck(db, self.worker, self.rechecking, now=now)
            ledger.record(db, self.worker, self.outcomes, now=now)
            budget.share_replies(db, self.replies, now=now)
            if self.heartbeat_due:
                heartbeats.beat(db, self.worker, "sender")
            issues = self.load(db, self.known)
            if self.budgets:
                good = clock.steady() + GATE
                taken = claim.claim(db, self.worker, self.budgets, limit=self.limit, now=now, until=good)
        for issue_id, trip in self.trips:  # apart: it takes the issue before its rows, as the desk does
            with transaction() as db:
                refusals.suspect(db, issue_id, trip, now=now)
        return LedgerAnswer(taken, self.outcomes, rechecked, until, issues)
