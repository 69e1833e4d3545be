"""The connections a sender keeps open: dialled aside, watched together, let go when worn or cut."""

import selectors
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue

from mailer.core import jobs
from mailer.smtp import session as dialogue
from mailer.smtp.relay import Relay, RelayDown
from mailer.smtp.session import Phase, Session, SessionOwner

STUCK = 1.0  # seconds with one message after which a session does not keep the others from working on
WAIT = 0.2  # seconds the loop sleeps at most when no relay speaks
HURRIED = 0.01  # the same while a connection is being opened, or a claim made
REDIAL = 5.0  # seconds without a further connection after one that could not be had


Dialled = SimpleQueue[smtplib.SMTP | RelayDown]


class Pool:
    """At most `size` sessions.  Each is dialled in a thread: a relay slow to greet delays nobody."""

    def __init__(self, relay: Relay, size: int, owner: SessionOwner, worn: Callable[[Session], bool]) -> None:
        self.sessions: list[Session] = []
        self._relay, self._size, self._owner, self._worn = relay, size, owner, worn
        self._selector = selectors.DefaultSelector()
        self._dialled: Dialled = SimpleQueue()  # another one after we left: nobody waits for the first
        self._dialling = 0
        self._not_before = 0.0

    def first(self, patience: float | None = None) -> bool:
        """Wait for a connection if there is none, for so many seconds at most; return whether there is one.

        Raises RelayDown.
        """
        self.tidy()
        if self.sessions:
            return True
        if not self._dialling:
            self._dial()
        try:
            answer = self._dialled.get(timeout=patience)
        except Empty:
            return False
        self._dialling -= 1
        if isinstance(answer, RelayDown):
            raise answer
        self._add(answer)
        return True

    def grow(self, wanted: int) -> None:
        """Have so many more connections dialled, as far as there may be more."""
        if time.monotonic() > self._not_before:
            for _ in range(min(wanted, self._size - len(self.sessions)) - self._dialling):
                self._dial()

    def idle(self) -> Iterator[Session]:
        """Sessions to which a job may be given."""
        self.tidy()
        for session in list(self.sessions):
            if session.phase is Phase.IDLE:
                yield session

    @property
    def size_limit(self) -> int:
        """Return how many bytes a message may have, as the relay said; 0 where it did not."""
        return next((session.size_limit for session in self.sessions), 0)

    @property
    def full(self) -> bool:
        """Whether no further connection may be opened, nor is one on its way."""
        return len(self.sessions) >= self._size

    def retire(self, session: Session) -> None:
        """Leave this connection; another may take its place."""
        self.sessions.remove(session)
        self._drop(session)

    @property
    def dialling(self) -> bool:
        """Return whether a connection is on its way."""
        return self._dialling > 0

    @property
    def unsettled(self) -> bool:
        """Return whether `poll` may bring a connection that can be given a job."""
        return self.dialling or any(session.phase is not Phase.IDLE for session in self.sessions)

    @property
    def alive(self) -> bool:
        """Return whether there is a connection, or one on its way."""
        return bool(self.sessions or self._dialling)

    def stuck(self) -> bool:
        """Return some session waits on a slow relay: the others need not wait with it."""
        now = time.monotonic()
        return any(s.phase is not Phase.IDLE and now - s.message_since > STUCK for s in self.sessions)

    def poll(self, *, hurried: bool = False, at_most: float = WAIT) -> None:
        """Let every session read and write what its socket allows, after a short sleep if none is ready."""
        if self._arrive():
            return  # whoever is new has nothing to hear before it is given a job
        for session in self.sessions:
            self._watch(session)
        for key, _ in self._selector.select(HURRIED if hurried or self._dialling else at_most):
            key.data.advance()
        now = time.monotonic()
        for session in self.sessions:
            session.expire(now)

    def tidy(self) -> None:
        """Let go of connections that the relay closed while we were not looking, or that are worn out."""
        for session in list(self.sessions):
            if session.phase is Phase.IDLE:
                session.advance()
            if session.phase is Phase.CLOSED or (session.phase is Phase.IDLE and self._worn(session)):
                self.retire(session)

    def close(self) -> None:
        """Leave every connection; what is in flight ends as its phase says."""
        while self.sessions:
            self._drop(self.sessions.pop())
        left, self._dialled, self._dialling = self._dialled, SimpleQueue(), 0
        _hang_up(left)

    def _dial(self) -> None:
        self._dialling += 1
        threading.Thread(target=self._call, args=(self._dialled,), daemon=True).start()

    def _call(self, answers: Dialled) -> None:
        try:
            answers.put(self._relay.connect(patience=dialogue.COMMAND_TIMEOUT))
        except RelayDown as down:
            answers.put(down)
        except Exception as error:  # whatever it was, somebody may wait for the answer, for ever
            answers.put(RelayDown(jobs.place(error)))
        if answers is not self._dialled:
            _hang_up(answers)

    def _arrive(self) -> bool:
        """Whether somebody new has come."""
        before = len(self.sessions)
        with suppress(Empty):
            while self._dialling:
                answer = self._dialled.get_nowait()
                self._dialling -= 1
                if isinstance(answer, RelayDown):
                    self._not_before = time.monotonic() + REDIAL
                else:
                    self._add(answer)
        return len(self.sessions) > before

    def _add(self, client: smtplib.SMTP) -> None:
        session = Session(client, self._owner)
        self._selector.register(session.sock, selectors.EVENT_READ, session)
        self.sessions.append(session)

    def _watch(self, session: Session) -> None:
        if session.sock.fileno() >= 0:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if session.wants_write else 0)
            if self._selector.get_key(session.sock).events != wanted:
                self._selector.modify(session.sock, wanted, session)

    def _drop(self, session: Session) -> None:
        with suppress(KeyError):
            self._selector.unregister(session.sock)  # also of a closed socket: its number will serve again
        session.close()


def _hang_up(answers: Dialled) -> None:
    """Leave what was dialled when nobody waits for it any more."""
    with suppress(Empty):
        while True:
            answer = answers.get_nowait()
            if isinstance(answer, smtplib.SMTP):
                answer.close()
