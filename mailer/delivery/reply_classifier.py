"""What the end of a message tells about its row, its provider, the issue and the relay."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from mailer.delivery import outcome as ending
from mailer.delivery.breaker import Breaker
from mailer.delivery.ledger import Claimed, Outcome
from mailer.delivery.relay_health import RelayHealth
from mailer.delivery.shaping.budget import SendingBudget
from mailer.smtp.replies import Reply
from mailer.smtp.session import Phase, Session, TransactionEnd


class ReplyClassifier:
    """Read replies for one worker; what it knows of an issue's refusals lasts from one task to the next."""

    def __init__(self, budget: SendingBudget) -> None:
        self._budget = budget
        self._breakers: defaultdict[UUID, Breaker] = defaultdict(Breaker)
        self.begin(UUID(int=0), (), probing=False)

    def begin(self, issue_id: UUID, accepted_wordings: Collection[str], *, probing: bool) -> None:
        """Turn to an issue; `taken`: the wordings of refusals that a person took as they are."""
        self.breaker, self.health = self._breakers[issue_id], RelayHealth(probing=probing)
        self.breaker.accept(accepted_wordings)
        self.fault: str | None = None  # why the relay counts as down

    def outcome(
        self, session: Session, row: Claimed, end: TransactionEnd, answer: Reply | None, now: datetime
    ) -> Outcome:
        """Return what the ledger keeps of an ended job, and learn from it."""
        if answer and answer.code // 100 == 2:  # nearly always, so it comes first and costs little
            self.breaker.accepted(row.provider)
            self.health.prove()
            self._budget.note_reply(row.provider, answer)
            return ending.outcome(row, end, answer, now)
        return self._otherwise(session, row, end, answer, now)

    def _otherwise(
        self, session: Session, row: Claimed, end: TransactionEnd, answer: Reply | None, now: datetime
    ) -> Outcome:
        suspect = False
        if answer and end is TransactionEnd.ANSWERED:
            suspect = self._suspects(row, answer)
            if answer.code // 100 == 4 and self._budget.is_full(session, answer):
                end = TransactionEnd.NOT_BEGUN  # a limit of the connection is no fault of the person
        if end is not TransactionEnd.NOT_BEGUN and not session.closed_early:
            if answer:
                self._budget.note_reply(row.provider, answer)
            at_the_dot = session.phase is Phase.BODY
            self.fault = self.fault or self.health.fault(end, at_the_dot=at_the_dot)
        return ending.outcome(row, end, answer, now, suspect=suspect)

    def _suspects(self, row: Claimed, answer: Reply) -> bool:
        suspect = self.breaker.suspects(row.provider, row.address, answer)
        if suspect:
            for trip in self.breaker.trips:
                if trip.provider is not None:
                    self._budget.hold(trip.provider, trip.reason)
        return suspect
