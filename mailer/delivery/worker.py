"""The one loop: claim → commit → speak SMTP with no transaction open → record.

A `SendWorker` lives as long as its process and keeps its connections between tasks.  `work` sends what is due
of every issue that leaves, for a few seconds.  Each turn of the loop gives work to idle sessions and lets the
sockets advance.  Before the work runs out a thread is sent to the ledger with one transaction that records
what is over and claims what comes next, a part of each issue: the connections do not wait for it.  A claim is
good for one second, counted from before its statement: what has not been announced by then goes back and is
claimed again, and what has been, to a relay that is slow to let it begin, waits until the thread has
rechecked it.  So an unsubscription or a pause stops everything that begins more than a second after its
commit, and nobody hangs up on a slow relay.

Whatever breaks, the rows we hold stay explained: by the ledger, or by our journal, from which `recovery`
settles them once we have let go of it.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

from mailer.core import clock, logging
from mailer.core.db import utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.hold_reasons import HoldReason
from mailer.delivery import outcome as ending
from mailer.delivery.claim import Claimed, Fenced
from mailer.delivery.journal import Journal, JournalUnwritable
from mailer.delivery.ledger import Outcome
from mailer.delivery.ledger_thread import LedgerThread
from mailer.delivery.ledger_work import Issues, LedgerAnswer, LedgerWork, Load
from mailer.delivery.message import Recipient
from mailer.delivery.reply_classifier import ReplyClassifier
from mailer.delivery.shaping.budget import SendingBudget
from mailer.delivery.shaping.provider_queues import ProviderQueues
from mailer.smtp.pool import Pool
from mailer.smtp.relay import Relay, RelayDown
from mailer.smtp.replies import Reply
from mailer.smtp.session import BodyPermission, OutgoingMessage, Session, TransactionEnd

FIRST_CLAIM, MAX_CLAIM = 20, 500
RECLAIM_AFTER = 0.2  # seconds after a claim that found nothing, while messages are in flight
REFILL_AT = 3  # the ledger's thread leaves for more when this part of a claim is left
SHORT_CLAIM = 0.2  # seconds: a claim that is sent sooner is followed by a larger one
HEARTBEAT_EVERY = 10.0  # seconds
DRAIN_TIME = 30.0  # seconds given to messages in flight when the database has gone


class SendWorker:
    """Send rows of the ledger over the connections of one process."""

    def __init__(
        self,
        relay: Relay,
        connections: int,
        journals: Path,
        *,
        budget: SendingBudget,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.worker = uuid4()
        self._journals, self._stopping = journals, stopping
        self._budget = budget
        self._pool = Pool(relay, connections, self, self._budget.connections.is_worn)
        self._queues = ProviderQueues(self._budget.concurrency)
        self._journal: Journal | None = None
        self._issues: Issues = {}
        self._keys = count()  # of messages
        self._in_flight: dict[int, Claimed] = {}  # by message
        self._outcomes: list[Outcome] = []
        self._claimed_at = self._last_heartbeat = 0.0
        self._claim_size, self._least_claim = FIRST_CLAIM, connections
        self._ledger = LedgerThread[LedgerAnswer]()
        self._awaiting_recheck: dict[int, Session] = {}  # by message: the relay waits for its body
        self._rechecking: list[tuple[int, Claimed]] = []  # the messages the ledger's thread rechecks
        self._reclaim_at = 0.0  # not to ask for more all the time where there is none
        self._claimed = self._from_start = False  # the thread was asked for more; and to look from the start
        self._classifier = ReplyClassifier(budget)
        self._failure: Exception | None = None

    def work(self, issues: Issues, load: Load, seconds: float, *, probing: bool = False) -> bool:
        """Send what is due for about so many seconds; return whether there may be more to send now.

        `issues` leave now; each claim asks `load` which do then.  `probing`: the relay has failed, so one
        message at a time is risked until it has answered for one.

        Raises RelayDown when the relay cannot be used, JournalUnwritable when nothing may begin (in both
        cases nothing of ours is left to record), Fenced when someone took over, SQLAlchemyError when the
        database has gone: what we hold is then settled from the journal we leave.
        """
        self._pool.first()
        self._journal = self._journal or Journal(self._journals, self.worker)
        self._load, self._until = load, time.monotonic() + seconds
        self._failure, self._reclaim_at = None, 0.0
        self._classifier.begin(probing=probing)
        self._budget.rewind()
        self._issues = {}
        self._take_on(issues)
        try:
            while self._turn():
                pass
        except Exception as error:  # also one that nobody foresaw: no row may wait for this process to end
            self._failure = error
            self.leave(drain=not isinstance(error, Fenced))
            raise
        self._journal.clear()
        if self._failure:
            self.leave(drain=False)
            raise self._failure
        return time.monotonic() >= self._until and not self._stopping()

    def _turn(self) -> bool:
        """Do one turn; return False when nothing waits, is in flight or was claimed."""
        claiming = self._may_claim()
        if self._ledger.done:
            self._receive()
        needs_rows = claiming and self._needs_rows()
        if not self._ledger.busy and (needs_rows or self._due_at_the_ledger(claiming)):
            self._ask_ledger(claiming=needs_rows)
        self._give_work()
        if self._queues and not self._pool.alive:
            self._failure = self._failure or RelayDown(HoldReason.GONE)
        if self._failure:
            self._give_back(self._queues.take_all())
        if self._queues or self._in_flight:
            self._pool.poll(hurried=self._ledger.busy)
        elif self._ledger.busy:
            self._receive()
        elif claiming and self._budget.exhausted:
            time.sleep(self._budget.wait())
            return True
        return bool(
            self._queues or self._in_flight or self._outcomes or self._ledger.busy or self._classifier.trips
        )

    def _due_at_the_ledger(self, claiming: bool) -> bool:
        """Return whether a relay waits for us, or nothing is left to do but to record what was done."""
        if self._awaiting_recheck or self._classifier.trips:
            return True
        return bool(self._outcomes) and not self._queues and not (claiming and self._in_flight)

    def _needs_rows(self) -> bool:
        """Return whether soon nothing will be left to do."""
        if len(self._queues) > self._claim_size // REFILL_AT:
            return False
        return time.monotonic() >= self._reclaim_at or bool(self._outcomes and not self._in_flight)

    def _may_claim(self) -> bool:
        """Return whether to take more: within our time, or while a slow relay keeps us here anyway."""
        if self._failure or self._stopping() or not self._leaving():
            return False
        return time.monotonic() < self._until or self._pool.stuck()

    def _leaving(self) -> list[UUID]:
        """Return the issues of which messages may begin."""
        return [each for each in self._issues if each not in self._classifier.stopped]

    def _take_on(self, issues: Issues) -> bool:
        """Note which issues leave now; return whether one is new."""
        new = [issue_id for issue_id in issues if issue_id not in self._issues]
        for issue_id in new:
            self._classifier.take_on(issue_id, issues[issue_id], self._pool.size_limit)
        self._issues = issues
        return bool(new)

    # -- the ledger ----------------------------------------------------------

    def _ask_ledger(self, *, claiming: bool) -> None:
        """In one transaction, look at what waits, record what is over and claim what comes next."""
        started = time.monotonic()
        outcomes, self._outcomes = self._outcomes, []
        heartbeat_due = started - self._last_heartbeat > HEARTBEAT_EVERY
        self._last_heartbeat = started if heartbeat_due else self._last_heartbeat
        replies = self._budget.take_replies()
        size = 1 if self._classifier.health.probing else self._claim_size
        self._claimed, self._from_start = claiming, self._budget.from_start
        budgets = self._budget.budgets(self._leaving(), size) if claiming else []
        trips, self._classifier.trips = self._classifier.trips, []
        self._rechecking = [(key, self._in_flight[key]) for key in self._awaiting_recheck]
        rows = [row for _, row in self._rechecking]
        work = LedgerWork(
            self.worker, self._issues, self._load, rows, outcomes, trips, replies, budgets, size,
            heartbeat_due,
        )  # fmt: skip
        self._ledger.send(lambda: work.run(self._budget))
        if claiming:
            self._resize(started)

    def _receive(self) -> None:
        """Take the rows the ledger's thread brings; where there are none, look at all that is due anew."""
        claim, recorded, rechecked, until, issues = self._ledger.receive()
        new = self._take_on(issues)
        self._queues.put(claim.rows)
        logging.deliveries.labels("withheld").inc(claim.withheld + rechecked.withheld)
        for key, row in self._rechecking:
            allowed = (row.issue_id, row.position) in rechecked.allowed
            self._resume_or_hang_up(key, row, until if allowed else None)
        for outcome in recorded:
            logging.deliveries.labels(outcome.state.value).inc()
        if self._claimed:
            self._budget.note_claim(claim)
            nothing, paced = not claim.reached, self._budget.exhausted
            if nothing:
                self._reclaim_at = time.monotonic() + (self._budget.wait() if paced else RECLAIM_AFTER)
            if nothing and not paced and (new or not self._from_start) and self._may_claim():
                self._budget.rewind()
                self._ask_ledger(claiming=True)

    def _resume_or_hang_up(self, key: int, row: Claimed, until: float | None) -> None:
        """Let the row go on until then; or hang up its connection alone: it is no longer ours."""
        session = self._awaiting_recheck.pop(key, None)
        if until is None:
            self._outcomes = [each for each in self._outcomes if each[:2] != row[:2]]
        if session is None:
            return  # the relay did not wait
        if until is not None:
            self._in_flight[key] = row._replace(until=until)
            session.proceed()
        else:
            self._forget(key)
            session.abandon()

    def _forget(self, key: int) -> None:
        """Note that this message is no longer in flight."""
        self._queues.finished(self._in_flight.pop(key).provider)
        self._awaiting_recheck.pop(key, None)

    def _resize(self, now: float) -> None:
        if now - self._claimed_at < SHORT_CLAIM:
            self._claim_size = min(self._claim_size * 2, MAX_CLAIM)
        self._claimed_at = now

    def _give_back(self, rows: list[Claimed]) -> None:
        """Make rows pending again, as if never claimed: too long ago, or no connection can take them."""
        self._claim_size = max(self._least_claim, self._claim_size - len(rows))
        self._budget.give_back(rows)
        self._outcomes += [ending.unbegun(row, utcnow()) for row in rows]

    def leave(self, *, drain: bool = True) -> None:
        """Let go of everything under this name, once the relay has answered for what is in flight."""
        if self._ledger.busy:
            with suppress(Exception):  # what it claimed is settled with the rest
                self._ledger.receive()
        self._queues.take_all()
        for key, session in list(self._awaiting_recheck.items()):
            self._forget(key)
            session.abandon()
        until = time.monotonic() + DRAIN_TIME
        while drain and self._in_flight and time.monotonic() < until:
            self._pool.poll(hurried=False)
        self._pool.close()
        self._outcomes.clear()
        if self._journal:
            self._journal.close()
        self._journal, self.worker, self._last_heartbeat = None, uuid4(), 0.0

    # -- the sessions --------------------------------------------------------

    def _give_work(self) -> None:
        """Give a message to every idle session, and dial one more while there is work for it."""
        if expired := self._queues.take_expired(clock.steady()):
            self._give_back(expired)
        for session in self._pool.idle():
            if self._classifier.health.probing and self._in_flight:
                break
            if message := self._next_message(shared=session.messages > 0):
                session.start(message)
            elif self._queues.needs_own_connection and self._pool.full:
                self._pool.retire(session)  # for a row that is sent alone, on a new connection
        if self._queues and not (self._classifier.health.probing and self._pool.alive):
            self._pool.grow(len(self._queues))

    def may_begin(self, session: Session, message: OutgoingMessage) -> BodyPermission:
        """Ask the gate a last time, and write in the journal first (smtp.SessionOwner)."""
        row = self._in_flight[message.key]
        if self._failure:
            return BodyPermission.NEVER
        if clock.steady() > row.until:
            self._awaiting_recheck[message.key] = session
            return BodyPermission.WAIT
        written = self._journalled(ending.unknown(row, utcnow()))
        return BodyPermission.BEGIN if written else BodyPermission.NEVER

    def next_message(self, session: Session) -> OutgoingMessage | None:
        """Return the next message, if this connection may carry one more and neither is sent alone."""
        needs_own_connection = session.current is not None and self._in_flight[session.current.key].faults > 0
        worn = self._budget.connections.is_worn(session)
        if self._classifier.health.probing or needs_own_connection or worn:
            return None
        return self._next_message(shared=True)

    def ended(
        self, session: Session, message: OutgoingMessage, end: TransactionEnd, answer: Reply | None
    ) -> None:
        row = self._in_flight.pop(message.key)
        self._queues.finished(row.provider)
        if self._awaiting_recheck:
            self._awaiting_recheck.pop(message.key, None)
        outcome = self._classifier.outcome(session, row, end, answer, utcnow())
        self._outcomes.append(outcome)
        self._journalled(outcome)
        if self._classifier.fault:
            self._failure = self._failure or RelayDown(self._classifier.fault)

    def closed_between_messages(self, session: Session) -> None:
        self._budget.connections.closed_between_messages(session)

    def _journalled(self, outcome: Outcome) -> bool:
        """Return whether the journal has it; if it cannot be written, nothing more begins."""
        try:
            if self._journal:
                self._journal.write(outcome)
        except JournalUnwritable as error:
            self._failure = self._failure or error
        return self._failure is None

    def _next_message(self, *, shared: bool) -> OutgoingMessage | None:
        """Make a message of the next row, if its claim is still good and its address the one that consented.

        A row that cannot be rendered is refused.
        """
        while row := self._queues.take(shared=shared):
            issue = self._issues.get(row.issue_id)
            if issue is None or row.issue_id in self._classifier.stopped or row.until < clock.steady():
                self._queues.finished(row.provider)
                self._give_back([row])
                continue
            if fingerprint_of(row.address) != row.fingerprint:  # the database cannot tell: it has no key
                self._queues.finished(row.provider)
                self._outcomes.append(ending.unproven(row, utcnow()))
                continue
            try:
                copy = issue.letter.to(Recipient(row.position, row.address, row.name))
            except ValueError:
                self._queues.finished(row.provider)
                self._outcomes.append(ending.unrenderable(row, utcnow()))
                continue
            message = OutgoingMessage(
                next(self._keys), copy.return_path, row.address, copy.message, row.provider
            )
            self._in_flight[message.key] = row
            return message
        return None
