"""What the end of a message tells about its row, its provider, its issue and the relay."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from mailer.delivery import outcome as ending
from mailer.delivery.breaker import Breaker, Trip, oversized
from mailer.delivery.claim import Claimed
from mailer.delivery.ledger import Outcome
from mailer.delivery.load_issue import LeavingIssue
from mailer.delivery.shaping.budget import SendingBudget
from mailer.smtp.relay_health import RelayHealth
from mailer.smtp.replies import Reply
from mailer.smtp.session import Phase, Session, TransactionEnd


class ReplyClassifier:
    """Read replies for one worker; what it knows of an issue's refusals lasts from one task to the next."""

    def __init__(self, budget: SendingBudget) -> None:
        self._budget = budget
        self._breakers: defaultdict[UUID, Breaker] = defaultdict(Breaker)
        self.stopped: set[UUID] = set()  # issues of which nothing more begins before a person has judged
        self.trips: list[tuple[UUID, Trip]] = []  # not yet told to the ledger
        self.begin(probing=False)

    def begin(self, *, probing: bool) -> None:
        """Begin a stretch of work.  probing: the relay has failed of late."""
        self.health = RelayHealth(probing=probing)
        self.fault: str | None = None  # why the relay counts as down
        self.stopped.clear()

    def take_on(self, issue_id: UUID, issue: LeavingIssue, size_limit: int) -> None:
        """Turn to an issue: what a person judged holds; one that is too big for the relay is stopped."""
        self._breakers[issue_id].accept(issue.accepted_wordings)
        if trip := oversized(issue.letter, size_limit, issue.accepted_wordings):
            self.trips.append((issue_id, trip))
            self.stopped.add(issue_id)

    def outcome(
        self, session: Session, row: Claimed, end: TransactionEnd, answer: Reply | None, now: datetime
    ) -> Outcome:
        """Return what the ledger keeps of an ended message, and learn from it."""
        if answer and answer.code // 100 == 2:  # nearly always, so it comes first and costs little
            self._breakers[row.issue_id].accepted(row.provider)
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
            if answer.code // 100 == 4 and self._budget.connections.is_full(session, answer):
                end = TransactionEnd.NOT_BEGUN  # a limit of the connection is no fault of the person
        if end is not TransactionEnd.NOT_BEGUN and not session.closed_early:
            if answer:
                self._budget.note_reply(row.provider, answer)
            at_the_dot = session.phase is Phase.BODY
            self.fault = self.fault or self.health.fault(end, at_the_dot=at_the_dot)
        return ending.outcome(row, end, answer, now, suspect=suspect)

    def _suspects(self, row: Claimed, answer: Reply) -> bool:
        suspect, trip = self._breakers[row.issue_id].suspects(row.provider, row.address, answer)
        if trip:
            self.trips.append((row.issue_id, trip))
            if trip.provider is None:
                self.stopped.add(row.issue_id)
            else:
                self._budget.hold(trip.provider, trip.reason)
        return suspect
