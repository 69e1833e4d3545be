"""The one loop: claim → commit → speak SMTP with no transaction open → record.

A `Sender` lives as long as its process and keeps its connections between tasks.  `work` sends one issue for a
few seconds.  Each turn of the loop gives work to idle sessions and lets the sockets advance.  Before the work
runs out a thread is sent to the ledger with one transaction that records what is over and claims
what comes next: the connections do not wait for it.  A claim is good for one second, counted from before its
statement: what has not been announced by then goes back and is claimed again, and what has been, to a relay
that is slow to let it begin, waits at the gate until the thread has looked again.  So an unsubscription or a
pause stops everything that begins more than a second after its commit, and nobody hangs up on a slow relay.

Whatever breaks, the rows we hold stay explained: by the ledger, or by our journal, from which `recovery`
settles them once we have let go of it.
"""

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

from mailer.core import logging
from mailer.core.db import utcnow
from mailer.delivery import breaker, gate_clock
from mailer.delivery import outcome as ending
from mailer.delivery.journal import Journal, JournalUnwritable
from mailer.delivery.judge import Judge
from mailer.delivery.ledger import Claimed, Fenced, Outcome
from mailer.delivery.ledger_thread import LedgerThread
from mailer.delivery.ledger_work import LedgerAnswer, LedgerWork
from mailer.delivery.message import Letter, Recipient
from mailer.delivery.shaping.budget import Shares
from mailer.delivery.shaping.queue import Lanes
from mailer.smtp.pool import Pool
from mailer.smtp.relay import Relay, RelayDown
from mailer.smtp.replies import Reply
from mailer.smtp.session import Fate, Job, May, Session

FIRST_CLAIM, MAX_CLAIM = 20, 500
LOOK_AGAIN = 0.2  # seconds after a claim that found nothing, while messages are in flight
EARLY = 3  # the ledger's thread leaves for more when this part of a claim is left
SHORT_CLAIM = 0.2  # seconds: a claim that is sent sooner is followed by a larger one
BEAT_EVERY = 10.0  # seconds
LAST_WORDS = 30.0  # seconds given to messages in flight when the database has gone


class Sender:
    """One process's hand in the send."""

    def __init__(
        self,
        relay: Relay,
        connections: int,
        journals: Path,
        *,
        shares: Shares,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.worker = uuid4()
        self._journals, self._stopping = journals, stopping
        self._shares = shares
        self._pool = Pool(relay, connections, self, self._shares.worn)
        self._lanes = Lanes(self._shares.room)
        self._journal: Journal | None = None
        self._flying: dict[int, Claimed] = {}
        self._over: list[Outcome] = []
        self._claimed_at = self._beaten = 0.0
        self._claim_size, self._least_claim = FIRST_CLAIM, connections
        self._ledger = LedgerThread[LedgerAnswer]()
        self._at_the_gate: dict[int, Session] = {}  # by job: the relay waits for its body
        self._looking: list[Claimed] = []  # rows the ledger's thread went to look at again
        self._look_again = 0.0  # not to ask for more all the time where there is none
        self._claimed = self._afresh = False  # the thread was asked for more; and to look from the start
        self._judge = Judge(shares)
        self._unwell: Exception | None = None

    def work(
        self,
        issue_id: UUID,
        letter: Letter,
        seconds: float,
        taken: Collection[str] = frozenset(),
        *,
        probing: bool = False,
    ) -> bool:
        """Send what is due of an issue for about so many seconds; whether there may be more to send now.

        `taken`: the wordings of refusals that a person took as they are.  `probing`: the relay has failed, so
        one message at a time is risked until it has answered for one.

        Raises LetterTooBig before anything leaves, RelayDown when the relay cannot be used, JournalUnwritable
        when nothing may begin (in both cases nothing of ours is left to record), Fenced when someone took
        over, SQLAlchemyError when the database has gone: what we hold is then settled from the journal we
        leave.
        """
        self._pool.first()
        self._journal = self._journal or Journal(self._journals, self.worker)
        self._issue_id, self._letter, self._until = issue_id, letter, time.monotonic() + seconds
        self._unwell, self._look_again = None, 0.0
        self._judge.begin(issue_id, taken, probing=probing)
        breaker.measure(letter, self._pool.size_limit, taken)
        self._shares.rewind()
        try:
            while self._turn():
                pass
        except Exception as error:  # also one that nobody foresaw: no row may wait for this process to end
            self._unwell = error
            self.leave(last_words=not isinstance(error, Fenced))
            raise
        self._journal.clear()
        if self._unwell:
            self.leave(last_words=False)
            raise self._unwell
        return time.monotonic() >= self._until and not self._stopping()

    def _turn(self) -> bool:
        """Return one turn; False when nothing waits, nothing flies and nothing more was claimed."""
        claiming = self._claiming()
        if self._ledger.back:
            self._receive()
        wanting = claiming and self._wanting()
        if not self._ledger.away and (wanting or self._due_at_the_ledger(claiming)):
            self._ask_ledger(claiming=wanting)
        self._feed()
        if self._lanes and not self._pool.alive:
            self._unwell = self._unwell or RelayDown("it has gone")
        if self._unwell or self._judge.breaker.stopped:
            self._give_back(self._lanes.empty())
        if self._lanes or self._flying:
            self._pool.poll(hurried=self._ledger.away)
        elif self._ledger.away:
            self._receive()
        elif claiming and self._shares.exhausted:
            time.sleep(self._shares.wait())
            return True
        return bool(
            self._lanes or self._flying or self._over or self._ledger.away or self._judge.breaker.trips
        )

    def _due_at_the_ledger(self, claiming: bool) -> bool:
        """Return whether a relay waits for us, or nothing is left to do but to record what was done."""
        if self._at_the_gate or self._judge.breaker.trips:
            return True
        return bool(self._over) and not self._lanes and not (claiming and self._flying)

    def _wanting(self) -> bool:
        """Return whether soon nothing will be left to do."""
        if len(self._lanes) > self._claim_size // EARLY:
            return False
        return time.monotonic() >= self._look_again or bool(self._over and not self._flying)

    def _claiming(self) -> bool:
        """Return whether to take more: within our time, or while a slow relay keeps us here anyway."""
        if self._unwell or self._judge.breaker.stopped or self._stopping():
            return False
        return time.monotonic() < self._until or self._pool.stuck()

    # -- the ledger ----------------------------------------------------------

    def _ask_ledger(self, *, claiming: bool) -> None:
        """In one transaction, look at what waits, record what is over and claim what comes next."""
        started = time.monotonic()
        over, self._over = self._over, []
        beats = started - self._beaten > BEAT_EVERY
        self._beaten = started if beats else self._beaten
        said, size = self._shares.said(), 1 if self._judge.health.probing else self._claim_size
        self._claimed, self._afresh = claiming, self._shares.afresh
        shares = self._shares.next(size) if claiming else []
        trips, self._judge.breaker.trips = self._judge.breaker.trips, []
        self._looking = [self._flying[key] for key in self._at_the_gate]
        work = LedgerWork(self._issue_id, self.worker, self._looking, over, trips, said, shares, size, beats)
        self._ledger.send(lambda: work.run(self._shares))
        if claiming:
            self._resize(started)

    def _receive(self) -> None:
        """Take the rows the ledger's thread brings; where there are none, look at all that is due anew."""
        claim, recorded, looked, until = self._ledger.receive()
        self._lanes.put(claim.rows)
        logging.deliveries.labels("withheld").inc(claim.withheld + looked.withheld)
        for row in self._looking:
            self._looked_at(row, until if row.position in looked.allowed else None)
        for outcome in recorded:
            logging.deliveries.labels(outcome.state.value).inc()
        if self._claimed:
            self._shares.took(claim)
            nothing, paced = not claim.reached, self._shares.exhausted
            if nothing:
                self._look_again = time.monotonic() + (self._shares.wait() if paced else LOOK_AGAIN)
            if nothing and not paced and not self._afresh and self._claiming():
                self._shares.rewind()
                self._ask_ledger(claiming=True)

    def _looked_at(self, row: Claimed, until: float | None) -> None:
        """Let the row go on until then; or hang up its connection alone: it is no longer ours."""
        session = self._at_the_gate.pop(row.position, None)
        if until is None:
            self._over = [each for each in self._over if each.position != row.position]
        if session is None:
            return  # the relay did not wait
        if until is not None:
            self._flying[row.position] = row._replace(until=until)
            session.proceed()
        else:
            self._let_go(row)
            session.abandon()

    def _let_go(self, row: Claimed) -> None:
        """Nothing of this row is in flight any more."""
        del self._flying[row.position]
        self._at_the_gate.pop(row.position, None)
        self._lanes.landed(row.lane)

    def _resize(self, now: float) -> None:
        if now - self._claimed_at < SHORT_CLAIM:
            self._claim_size = min(self._claim_size * 2, MAX_CLAIM)
        self._claimed_at = now

    def _give_back(self, rows: list[Claimed]) -> None:
        """Claimed too long ago, or nobody can carry them: they are pending again, as if never claimed."""
        self._claim_size = max(self._least_claim, self._claim_size - len(rows))
        self._shares.give_back(rows)
        self._over += [ending.unbegun(row, utcnow()) for row in rows]

    def leave(self, *, last_words: bool = True) -> None:
        """Let go of everything under this name, once the relay has answered for what is in flight."""
        if self._ledger.away:
            with suppress(Exception):  # what it claimed is settled with the rest
                self._ledger.receive()
        self._lanes.empty()
        for key, session in list(self._at_the_gate.items()):
            self._let_go(self._flying[key])
            session.abandon()
        until = time.monotonic() + LAST_WORDS
        while last_words and self._flying and time.monotonic() < until:
            self._pool.poll(hurried=False)
        self._pool.close()
        self._over.clear()
        if self._journal:
            self._journal.close()
        self._journal, self.worker, self._beaten = None, uuid4(), 0.0

    # -- the sessions --------------------------------------------------------

    def _feed(self) -> None:
        """Give a job to every idle session, and dial one more while there is work for it."""
        if late := self._lanes.stale(gate_clock.now()):
            self._give_back(late)
        for session in self._pool.idle():
            if self._judge.health.probing and self._flying:
                break
            if job := self._take(company=session.messages > 0):
                session.start(job)
            elif self._lanes.troubled and self._pool.full:
                self._pool.retire(session)  # whoever saw a relay break off goes first on a new one, and alone
        if self._lanes and not (self._judge.health.probing and self._pool.alive):
            self._pool.grow(len(self._lanes))

    def begin(self, session: Session, job: Job) -> May:
        """Ask the gate a last time, and write in the journal first (smtp.SessionOwner)."""
        row = self._flying[job.key]
        if self._unwell:
            return May.NEVER
        if gate_clock.now() > row.until:
            self._at_the_gate[job.key] = session
            return May.WAIT
        return May.BEGIN if self._noted(ending.unknown(row, utcnow())) else May.NEVER

    def following(self, session: Session) -> Job | None:
        """Return the next job, if this connection may carry one more and neither is a known troublemaker."""
        troubled = session.job is not None and self._flying[session.job.key].faults > 0
        if self._judge.health.probing or troubled or self._shares.worn(session):
            return None
        return self._take(company=True)

    def ended(self, session: Session, job: Job, fate: Fate, answer: Reply | None) -> None:
        row = self._flying.pop(job.key)
        self._lanes.landed(row.lane)
        if self._at_the_gate:
            self._at_the_gate.pop(job.key, None)
        outcome = self._judge.outcome(session, row, fate, answer, utcnow())
        self._over.append(outcome)
        self._noted(outcome)
        if self._judge.fault:
            self._unwell = self._unwell or RelayDown(self._judge.fault)

    def spent(self, session: Session) -> None:
        self._shares.spent(session)

    def _noted(self, outcome: Outcome) -> bool:
        """Return whether the journal has it; if it cannot be written, nothing more begins."""
        try:
            if self._journal:
                self._journal.write(self._issue_id, outcome)
        except JournalUnwritable as error:
            self._unwell = self._unwell or error
        return self._unwell is None

    def _take(self, *, company: bool) -> Job | None:
        """Make a job of the next row, if its claim is still good; refuse a row that cannot be rendered."""
        while row := self._lanes.take(company=company):
            if row.until < gate_clock.now():
                self._lanes.landed(row.lane)
                self._give_back([row])
                continue
            try:
                job = self._job(row)
            except ValueError:
                self._lanes.landed(row.lane)
                self._over.append(ending.unrenderable(row, utcnow()))
                continue
            self._flying[job.key] = row
            return job
        return None

    def _job(self, row: Claimed) -> Job:
        copy = self._letter.to(Recipient(row.position, row.address, row.name))
        return Job(row.position, copy.return_path, row.address, copy.message, row.lane)
