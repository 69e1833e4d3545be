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
from mailer.delivery.ledger import Claim, Claimed, Looked, Outcome, Share
from mailer.delivery.shaping.budget import Said, Shares


class LedgerAnswer(NamedTuple):
    """Hold what came of the transaction."""

    claim: Claim
    recorded: Sequence[Outcome]
    looked: Looked
    until: float  # gate.now() by which those that were allowed have to begin


@dataclass(frozen=True)
class LedgerWork:
    """Look again at what waits at the gate, record what is over, claim what comes next."""

    issue_id: UUID
    worker: UUID
    looking: Sequence[Claimed]
    over: Sequence[Outcome]
    trips: Sequence[Trip]
    said: Said
    wanted: Sequence[Share]
    limit: int
    beats: bool

    def run(self, shares: Shares) -> LedgerAnswer:
        """Commit all of it; the seconds of the gate count from before each statement."""
        now, claim = utcnow(), Claim()
        with transaction() as db:
            until = gate_clock.now() + GATE
            looked = ledger.look_again(db, self.issue_id, self.worker, self.looking, now=now)
            ledger.record(db, self.issue_id, self.worker, self.over, now=now)
            shares.note(db, self.said, now=now)
            if self.beats:
                heartbeats.beat(db, self.worker, "sender")
            if self.wanted:
                good = gate_clock.now() + GATE
                claim = ledger.claim(
                    db, self.issue_id, self.worker, self.wanted, limit=self.limit, now=now, until=good
                )
        for trip in self.trips:  # apart: it takes the issue before its rows, as a person at the desk does
            with transaction() as db:
                refusals.doubt(db, self.issue_id, trip, now=now)
        return LedgerAnswer(claim, self.over, looked, until)
