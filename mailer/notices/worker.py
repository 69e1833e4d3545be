"""Send single mails: several in flight, each recorded by itself, over connections kept from task to task.

Each message is claimed when a connection is there for it, the most urgent first, so that none waits in memory
behind others.  What is in flight when a stretch ends is left so: the next one takes up its replies.  A worker
that dies leaves notices that were claimed and not recorded; they are due again after a while, and may then
arrive twice.
"""

import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from itertools import count

from mailer.core import jobs, logging
from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings
from mailer.notices import claim, outbox
from mailer.notices.message import compose, return_path
from mailer.notices.models import Priority
from mailer.notices.outbox import JOB
from mailer.notices.pace import NoticePace
from mailer.notices.queue import NoticeQueue, TakenNotice
from mailer.notices.record import record, share
from mailer.smtp import dkim, rate
from mailer.smtp.connection_limits import ConnectionLimits
from mailer.smtp.dkim import Signer
from mailer.smtp.pool import WAIT, Pool
from mailer.smtp.relay import Relay, RelayDown
from mailer.smtp.relay_health import RelayHealth
from mailer.smtp.replies import Reply
from mailer.smtp.session import BodyPermission, OutgoingMessage, Phase, Session, TransactionEnd

FRESH = 1.0  # seconds after its claim within which a message begins without a second look
KEPT_OPEN = 60.0  # seconds: a connection idle for longer may be dead without our knowing
DRAIN_TIME = 30.0  # seconds given to messages in flight when the worker is asked to stop
NOT_COMPOSED = Reply(451, "", "not written")  # ours, when the mail cannot be composed: try again later
NO_SMTPUTF8 = Reply(553, "5.6.7", "the relay does not offer SMTPUTF8")  # RFC 6531, 3.5


class NoticeWorker:
    """Send what the outbox holds over the connections of one process (smtp.SessionOwner)."""

    def __init__(self, settings: Settings, *, stopping: Callable[[], bool] = lambda: False) -> None:
        self.health = RelayHealth()
        self.claimed = 0
        self._settings, self._stopping = settings, stopping
        self._providers = rate.configured(settings)
        self._pace = NoticePace(settings, self._providers)
        self._queue = NoticeQueue(settings, self._providers, self._pace)
        self._limits = ConnectionLimits(self._providers.table)
        self._pool = Pool(Relay.parse(settings.relay_url), settings.connections, self, self._is_worn)
        self._signer: Signer | None = None
        self._keys = count()
        self._in_flight: dict[int, TakenNotice] = {}
        self._failures: deque[Exception] = deque()  # nothing may be raised into a session
        self._fault: str | None = None  # why the relay counts as down

    @property
    def busy(self) -> bool:
        """Return whether a message is in flight, or a connection on its way."""
        return bool(self._in_flight or self._pool.dialling)

    def probe(self) -> None:
        """Risk one message at a time until the relay has answered for one."""
        self.health = RelayHealth(probing=True)

    def tidy(self) -> None:
        """Leave connections that nobody has needed for a while."""
        self._pool.tidy()

    def close(self) -> None:
        """Leave every connection; what is in flight is due again after a while."""
        self._pool.close()

    def work(self, until: float) -> bool:
        """Send what is due until this time (time.monotonic); return whether there may be more to send now.

        Raises RelayDown, or DkimKeyMissing where they must be signed, before counting an attempt; RowFailed
        for a notice that cannot be composed or recorded: call again, and the others go on.
        """
        self._signer = dkim.load(self._settings)
        self._queue.look_now()
        if not self._pool.first(max(0.0, until - time.monotonic())):
            return True
        try:
            while self._turn(until):
                pass
        except RelayDown:
            self._pool.close()
            self._fault = None
            raise
        return self.busy or time.monotonic() >= until

    def _turn(self, until: float) -> bool:
        """Do one turn; return False when nothing is left to do now."""
        self._raise()
        stopping, now = self._stopping(), time.monotonic()
        if now >= until + (DRAIN_TIME if stopping else 0.0):
            return False
        if not stopping:
            self._give_work(until)
        if not self._in_flight and (stopping or not (self._queue.paced or self._pool.unsettled)):
            return False
        self._pool.poll(at_most=min(WAIT, self._pace.wait() or WAIT))
        return True

    def _raise(self) -> None:
        """Raise what could not be raised into a session."""
        if self._fault:
            raise RelayDown(self._fault)
        if self._failures:
            raise self._failures.popleft()

    def _record(self, ended: TakenNotice, answer: Reply | None) -> None:
        """Record the reply that decides, or, without one, that it did not begin."""
        now = utcnow()
        with transaction() as db:
            if answer is None:
                claim.give_back(db, ended.claimed, now=now)
                return
            state = record(db, ended.claimed, answer, now=now)
            share(db, ended.provider, answer, now=now)
        if state:
            logging.notices.labels(state.value).inc()

    # -- what leaves next ----------------------------------------------------

    def _give_work(self, until: float) -> None:
        """Give a message to every idle session, and dial one more while there is work for it."""
        for session in self._pool.idle():
            if self.health.probing and self._in_flight:
                return
            message = self._next_message(session, self._pace.allows_bulk(self._carrying_bulk()))
            if message is None:
                return
            session.start(message)
        probing = self.health.probing and self._pool.sessions
        if self._pool.full or probing or not self._due():
            return
        if self._pool.sessions:
            self._pool.grow(1)
        else:
            self._pool.first(max(0.0, until - time.monotonic()))

    def _due(self) -> bool:
        with transaction() as db:
            return outbox.waiting(db, now=utcnow())

    def _carrying_bulk(self) -> int:
        """Return how many connections carry bulk."""
        return sum(
            session.current is not None and self._is_bulk(session.current) for session in self._pool.sessions
        )

    def _is_bulk(self, message: OutgoingMessage) -> bool:
        return self._in_flight[message.key].priority is Priority.BULK

    def _next_message(self, session: Session, bulk: bool) -> OutgoingMessage | None:
        """Take the next notice for this connection, and compose it; refuse one it cannot carry."""
        in_flight = [each.claimed.id for each in self._in_flight.values()]
        while found := self._queue.take(in_flight, bulk=bulk):
            claimed = found.claimed
            self.claimed += 1
            with jobs.row(JOB, claimed.id):
                content = self._composed(found)
            if not claimed.email.isascii() and not session.smtputf8:
                self._refuse(found, NO_SMTPUTF8)
                continue
            message = OutgoingMessage(
                next(self._keys), return_path(claimed), claimed.email, content, found.provider
            )
            self._in_flight[message.key] = found
            return message
        return None

    def _composed(self, found: TakenNotice) -> bytes:
        """Return the finished message; record also that it could not be composed, and raise why."""
        claimed = found.claimed
        try:
            return _encoded(compose(claimed, self._settings, utcnow()), claimed.email, self._signer)
        except Exception:
            self._refuse(found, NOT_COMPOSED)
            raise

    def _refuse(self, found: TakenNotice, answer: Reply) -> None:
        self._pace.finished(found.provider)
        self._pace.give_back(found.provider)
        self._record(found, answer)

    # -- the sessions --------------------------------------------------------

    def may_begin(self, _: Session, message: OutgoingMessage) -> BodyPermission:
        """Let it begin, after a second look where the relay took long to ask for it."""
        found = self._in_flight[message.key]
        if time.monotonic() - found.at <= FRESH:
            return BodyPermission.BEGIN
        allowed = False
        with self._raising_later(), transaction() as db:
            allowed = claim.may_still_leave(db, found.claimed, self._providers)
        return BodyPermission.BEGIN if allowed else BodyPermission.NEVER

    def next_message(self, session: Session) -> OutgoingMessage | None:
        """Return the next message, if this connection may carry one more; bulk stays where it is."""
        if self.health.probing or self._limits.is_worn(session) or self._stopping():
            return None
        bulk = session.current is not None and self._is_bulk(session.current)
        with self._raising_later():
            return self._next_message(session, bulk)
        return None

    def ended(
        self, session: Session, message: OutgoingMessage, end: TransactionEnd, answer: Reply | None
    ) -> None:
        found = self._in_flight.pop(message.key)
        self._pace.finished(found.provider)
        self._queue.look_now()
        limited = answer is not None and answer.code // 100 == 4 and self._limits.is_full(session, answer)
        unbegun = end is TransactionEnd.NOT_BEGUN or session.closed_early or limited
        if unbegun:
            self._pace.give_back(found.provider)
        else:
            self._note_health(session, end, answer)
        if answer or unbegun:
            with self._raising_later(), jobs.row(JOB, found.claimed.id):
                self._record(found, None if unbegun else answer)

    def _note_health(self, session: Session, end: TransactionEnd, answer: Reply | None) -> None:
        if answer and answer.code // 100 == 2:
            self.health.prove()
        else:
            fault = self.health.fault(end, at_the_dot=session.phase is Phase.BODY)
            self._fault = self._fault or fault

    @contextmanager
    def _raising_later(self) -> Iterator[None]:
        """Keep what is raised until no session is in the way."""
        try:
            yield
        except Exception as error:
            self._failures.append(error)

    def closed_between_messages(self, session: Session) -> None:
        self._limits.closed_between_messages(session)

    def _is_worn(self, session: Session) -> bool:
        return time.monotonic() - session.since > KEPT_OPEN or self._limits.is_worn(session)


def _encoded(message: EmailMessage, recipient: str, signer: Signer | None) -> bytes:
    """Return its bytes as the wire has them: signed, then with dots doubled (RFC 5321, 4.5.2)."""
    encoded = message.as_bytes(policy=SMTP.clone(utf8=not recipient.isascii()))
    return re.sub(rb"(?m)^\.", b"..", signer.sign(encoded) if signer else encoded)
