"""What the end of a message says: of its row, of its provider, of the issue, and of the relay."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from mailer.delivery import outcome as ending
from mailer.delivery.breaker import Breaker
from mailer.delivery.ledger import Claimed, Outcome
from mailer.delivery.relay_health import RelayHealth
from mailer.delivery.shaping.budget import Shares
from mailer.smtp.replies import Reply
from mailer.smtp.session import Fate, Phase, Session


class Judge:
    """One sender's; what it knows of an issue's refusals lasts from one stretch of work to the next."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._breakers: defaultdict[UUID, Breaker] = defaultdict(Breaker)
        self.begin(UUID(int=0), (), probing=False)

    def begin(self, issue_id: UUID, taken: Collection[str], *, probing: bool) -> None:
        """Turn to an issue; `taken`: the wordings of refusals that a person took as they are."""
        self.breaker, self.health = self._breakers[issue_id], RelayHealth(probing=probing)
        self.breaker.heed(taken)
        self.fault: str | None = None  # why the relay counts as down

    def outcome(
        self, session: Session, row: Claimed, fate: Fate, answer: Reply | None, now: datetime
    ) -> Outcome:
        """Return what the ledger keeps of an ended job, and learn from it."""
        if answer and answer.code // 100 == 2:  # nearly always, so it comes first and costs little
            self.breaker.accepted(row.lane)
            self.health.prove()
            self._shares.heard(row.lane, answer)
            return ending.outcome(row, fate, answer, now)
        return self._otherwise(session, row, fate, answer, now)

    def _otherwise(
        self, session: Session, row: Claimed, fate: Fate, answer: Reply | None, now: datetime
    ) -> Outcome:
        suspect = False
        if answer and fate is Fate.ANSWERED:
            suspect = self._suspects(row, answer)
            if answer.code // 100 == 4 and self._shares.is_full(session, answer):
                fate = Fate.NOT_BEGUN  # a limit of the connection is no fault of the person
        if fate is not Fate.NOT_BEGUN and not session.is_spent:
            if answer:
                self._shares.heard(row.lane, answer)
            at_the_dot = session.phase is Phase.BODY
            self.fault = self.fault or self.health.fault(fate, at_the_dot=at_the_dot)
        return ending.outcome(row, fate, answer, now, suspect=suspect)

    def _suspects(self, row: Claimed, answer: Reply) -> bool:
        suspect = self.breaker.suspects(row.lane, row.address, answer)
        if suspect:
            for trip in self.breaker.trips:
                if trip.lane is not None:
                    self._shares.refused(trip.lane, trip.reason)
        return suspect
