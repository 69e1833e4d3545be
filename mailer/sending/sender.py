"""The one loop: claim → commit → speak SMTP with no transaction open → record.

A `Sender` lives as long as its process and keeps its connections between tasks.  `work` sends one issue for a
few seconds.  Each turn of the loop gives work to idle sessions, lets the sockets advance, and every so often
takes one transaction that records what is over and claims what comes next.  A claim is good for one second,
counted from before its statement: what has not begun by then goes back and is claimed again, so that an
unsubscription or a pause stops everything that begins more than a second after its commit.
"""

import random
import selectors
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from mailer import telemetry
from mailer.db import transaction, utcnow
from mailer.sending import ledger
from mailer.sending.ledger import Claimed, Fenced, Outcome
from mailer.sending.message import Letter, Recipient
from mailer.sending.relay import Relay, RelayDown
from mailer.sending.rules import DeliveryState, Reply, verdict
from mailer.sending.smtp import Fate, Job, Phase, Session

GATE = 1.0  # seconds a claim is good for
MESSAGES_PER_CONNECTION = 500
MIN_CLAIM, MAX_CLAIM = 20, 400
BEAT_EVERY = 10.0  # seconds
STUCK = 2.0  # seconds in one phase after which a session does not keep the others from working on
FAULTS_ALLOWED = 3  # in flight at as many 421s or cuts, a message is charged and set aside for a while


@dataclass
class Sender:
    """One process's hand in the send."""

    relay: Relay
    connections: int
    worker: UUID = field(default_factory=uuid4)
    _sessions: list[Session] = field(default_factory=list)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _queue: deque[Claimed] = field(default_factory=deque)
    _flying: dict[int, Claimed] = field(default_factory=dict)
    _over: list[Outcome] = field(default_factory=list)
    _deadline: float = 0.0
    _claim_size: int = MIN_CLAIM
    _beaten: float = 0.0
    _letter: Letter | None = None

    def work(self, issue_id: UUID, letter: Letter, seconds: float) -> bool:
        """Send what is due of an issue for about so many seconds; whether there may be more to send now.

        Raises RelayDown when no connection can be opened, and Fenced when someone took over; in both cases
        nothing of ours is left to record.
        """
        self._letter = letter
        self._tidy()
        self._connect()
        until = time.monotonic() + seconds
        try:
            while self._turn(issue_id, claiming=time.monotonic() < until or self._stuck()):
                pass
        except Fenced:
            self._abandon()
            raise
        return time.monotonic() >= until

    def _turn(self, issue_id: UUID, *, claiming: bool) -> bool:
        """One turn; False when nothing is queued, nothing flies and nothing more was claimed."""
        if not self._queue and (claiming or self._over):
            self._ledger_step(issue_id, limit=self._claim_size if claiming else 0)
        self._feed()
        if self._flying:
            self._poll()
        elif self._queue and not self._sessions:
            self._give_back()
        return bool(self._queue or self._flying or self._over)

    # -- the ledger ----------------------------------------------------------

    def _ledger_step(self, issue_id: UUID, *, limit: int) -> None:
        """Record what is over and claim what comes next, in one transaction."""
        started = time.monotonic()
        over, self._over = self._over, []
        with transaction() as db:
            now = utcnow()
            ledger.record(db, issue_id, self.worker, over, now=now)
            if started - self._beaten > BEAT_EVERY:
                ledger.beat(db, self.worker, "letters", now=now)
                self._beaten = started
            if limit:
                claimed, withheld = ledger.claim(db, issue_id, self.worker, limit=limit, now=now)
                self._queue.extend(claimed)
                telemetry.deliveries.labels("withheld").inc(withheld)
        self._deadline = started + GATE
        for outcome in over:
            telemetry.deliveries.labels(outcome.state.value).inc()

    def _give_back(self) -> None:
        """The claim is too old, or nobody can carry it: its rows are pending again, as if never claimed."""
        self._claim_size = max(MIN_CLAIM, self._claim_size - len(self._queue))
        while self._queue:
            self._over.append(_unbegun(self._queue.popleft(), utcnow()))

    def _abandon(self) -> None:
        """Someone took over: take a new name, and touch nothing that was ours."""
        for session in self._sessions:
            self._drop(session)
        self._sessions.clear()
        self._queue.clear()
        self._flying.clear()
        self._over.clear()
        self.worker, self._beaten = uuid4(), 0.0

    # -- the sessions --------------------------------------------------------

    def _connect(self) -> None:
        """Open the first connection; the others follow while there is work.  Raises RelayDown."""
        if not self._sessions:
            self._open()

    def _open(self) -> Session:
        session = Session(self.relay.connect(), self)
        self._selector.register(session.sock, selectors.EVENT_READ, session)
        self._sessions.append(session)
        return session

    def _drop(self, session: Session) -> None:
        if session.sock.fileno() >= 0:
            self._selector.unregister(session.sock)
        session.close()

    def _tidy(self) -> None:
        """Let go of connections that the relay closed while we were not looking, or that are worn out."""
        for session in list(self._sessions):
            if session.phase is Phase.IDLE:
                session.advance()
            if session.phase is Phase.CLOSED or self._worn(session):
                self._remove(session)

    def _remove(self, session: Session) -> None:
        self._sessions.remove(session)
        self._drop(session)

    @staticmethod
    def _worn(session: Session) -> bool:
        return session.phase is Phase.IDLE and session.messages >= MESSAGES_PER_CONNECTION

    def _stuck(self) -> bool:
        """Some session waits on a slow relay: the others need not wait with it."""
        now = time.monotonic()
        return any(s.phase is not Phase.IDLE and now - s.since > STUCK for s in self._sessions)

    def _feed(self) -> None:
        """Give a job to every idle session, opening one more while there is work for it."""
        if self._queue and time.monotonic() > self._deadline:
            self._give_back()
        self._tidy()
        for session in list(self._sessions):
            if session.phase is Phase.IDLE and (job := self._take()):
                session.start(job)
        if self._queue and len(self._sessions) < self.connections:
            self._open_another()

    def _open_another(self) -> None:
        try:
            session = self._open()
        except RelayDown as error:
            telemetry.log.warning("no further connection", error=str(error), open=len(self._sessions))
            return
        if job := self._take():
            session.start(job)

    def _poll(self) -> None:
        for session in self._sessions:
            if session.sock.fileno() >= 0:
                wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if session.wants_write else 0)
                if self._selector.get_key(session.sock).events != wanted:
                    self._selector.modify(session.sock, wanted, session)
        for key, _ in self._selector.select(timeout=0.2):
            key.data.advance()
        now = time.monotonic()
        for session in self._sessions:
            session.expire(now)

    # -- what a session asks of us (smtp.Courier) -----------------------------

    def begin(self, job: Job) -> bool:  # noqa: ARG002 -- the crash journal will write its name
        return time.monotonic() <= self._deadline

    def following(self, session: Session) -> Job | None:
        return None if session.messages >= MESSAGES_PER_CONNECTION else self._take()

    def ended(self, job: Job, fate: Fate, answer: Reply | None) -> None:
        row = self._flying.pop(job.key)
        self._over.append(_outcome(row, fate, answer, utcnow()))

    def _take(self) -> Job | None:
        """The next row as a job, if its claim is still good; a row that cannot be rendered is refused."""
        while self._queue and time.monotonic() <= self._deadline:
            row = self._queue.popleft()
            try:
                job = self._job(row)
            except ValueError:
                self._over.append(_refused(row, Reply(0, "", "render"), utcnow()))
                continue
            self._flying[job.key] = row
            return job
        return None

    def _job(self, row: Claimed) -> Job:
        if self._letter is None:
            raise RuntimeError("no letter to send")
        copy = self._letter.to(Recipient(row.position, row.address, row.name))
        return Job(row.position, copy.return_path, row.address, copy.message)


def _unbegun(row: Claimed, now: datetime) -> Outcome:
    return Outcome(row.position, row.fence, DeliveryState.PENDING, now, row.attempts, row.faults)


def _refused(row: Claimed, answer: Reply, now: datetime) -> Outcome:
    return Outcome(
        row.position, row.fence, DeliveryState.REFUSED, now, row.attempts + 1, row.faults,
        answer.code, answer.enhanced, answer.text,
    )  # fmt: skip


def _outcome(row: Claimed, fate: Fate, answer: Reply | None, now: datetime) -> Outcome:
    """What the ledger keeps of an ended job."""
    if fate is Fate.NOT_BEGUN:
        return _unbegun(row, now)
    if fate is Fate.UNKNOWN:
        return Outcome(row.position, row.fence, DeliveryState.UNKNOWN, now, row.attempts + 1, row.faults)
    if fate is Fate.INTERRUPTED:
        faults = row.faults + 1
        if faults < FAULTS_ALLOWED:
            return Outcome(row.position, row.fence, DeliveryState.PENDING, now, row.attempts, faults)
        answer = answer or Reply(421, "", "connection cut")
    if answer is None:
        raise RuntimeError("answered without an answer")
    attempts = row.attempts + 1
    decided = verdict(
        answer,
        now=now,
        attempts=attempts,
        first_tried=row.first_tried,
        jitter=lambda: random.uniform(-1, 1),  # noqa: S311 -- spreads load, guards nothing
    )
    return Outcome(
        row.position, row.fence, decided.state, decided.due_at or now, attempts, row.faults,
        answer.code, answer.enhanced, answer.text,
    )  # fmt: skip
