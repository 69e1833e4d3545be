"""Look again, record and claim in the ledger: one transaction, beside the sockets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from mailer.core import heartbeats
from mailer.core.db import transaction, utcnow
from mailer.delivery import gate_clock, ledger, refusals
from mailer.delivery.breaker import Trip
from mailer.delivery.gate_clock import GATE
from mailer.delivery.ledger import Claim, Claimed, Outcome, ProviderBudget, Rechecked
from mailer.delivery.shaping.budget import ProviderReplies, SendingBudget


class LedgerAnswer(NamedTuple):
    """Hold what came of the transaction."""

    claim: Claim
    recorded: Sequence[Outcome]
    rechecked: Rechecked
    until: float  # gate.now() by which those that were allowed have to begin


@dataclass(frozen=True)
class LedgerWork:
    """Look again at what waits at the gate, record what is over, claim what comes next."""

    issue_id: UUID
    worker: UUID
    rechecking: Sequence[Claimed]
    outcomes: Sequence[Outcome]
    trips: Sequence[Trip]
    replies: ProviderReplies
    budgets: Sequence[ProviderBudget]
    limit: int
    heartbeat_due: bool

    def run(self, budget: SendingBudget) -> LedgerAnswer:
        """Commit all of it; the seconds of the gate count from before each statement."""
        now, claim = utcnow(), Claim()
        with transaction() as db:
            until = gate_clock.now() + GATE
            rechecked = ledger.recheck(db, self.issue_id, self.worker, self.rechecking, now=now)
            ledger.record(db, self.issue_id, self.worker, self.outcomes, now=now)
            budget.share_replies(db, self.replies, now=now)
            if self.heartbeat_due:
                heartbeats.beat(db, self.worker, "sender")
            if self.budgets:
                good = gate_clock.now() + GATE
                claim = ledger.claim(
                    db, self.issue_id, self.worker, self.budgets, limit=self.limit, now=now, until=good
                )
        for trip in self.trips:  # apart: it takes the issue before its rows, as a person at the desk does
            with transaction() as db:
                refusals.suspect(db, self.issue_id, trip, now=now)
        return LedgerAnswer(claim, self.outcomes, rechecked, until)
