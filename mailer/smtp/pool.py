"""The connections a sender keeps open: dialled aside, watched together, let go when worn or cut."""

import selectors
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue

from mailer.smtp.relay import Relay, RelayDown
from mailer.smtp.session import Courier, Phase, Session

STUCK = 2.0  # seconds in one phase after which a session does not keep the others from working on
WAIT = 0.2  # seconds the loop sleeps at most when no relay speaks
HURRIED = 0.01  # the same while a connection is being opened, or a claim made
REDIAL = 5.0  # seconds without a further connection after one that could not be had


class Pool:
    """At most `size` sessions.  Dialling happens in a thread: a relay slow to greet delays nobody."""

    def __init__(self, relay: Relay, size: int, courier: Courier, worn: Callable[[Session], bool]) -> None:
        self.sessions: list[Session] = []
        self._relay, self._size, self._courier, self._worn = relay, size, courier, worn
        self._selector = selectors.DefaultSelector()
        self._answer: SimpleQueue[smtplib.SMTP | RelayDown] = SimpleQueue()
        self._dialling = False
        self._wanted = True  # what is dialled; not after we left
        self._not_before = 0.0

    def first(self) -> None:
        """Wait for a connection if there is none.  Raises RelayDown."""
        self._wanted = True
        self.tidy()
        if self.sessions:
            return
        self._dial()
        answer = self._answer.get()
        self._dialling = False
        if isinstance(answer, RelayDown):
            raise answer
        self._add(answer)

    def grow(self) -> None:
        """Have one more connection dialled, unless there are enough."""
        if len(self.sessions) < self._size and not self._dialling and time.monotonic() > self._not_before:
            self._dial()

    def idle(self) -> Iterator[Session]:
        """Sessions to which a job may be given."""
        self.tidy()
        for session in list(self.sessions):
            if session.phase is Phase.IDLE:
                yield session

    @property
    def alive(self) -> bool:
        """Return whether there is a connection, or one on its way."""
        return bool(self.sessions) or self._dialling

    def stuck(self) -> bool:
        """Return some session waits on a slow relay: the others need not wait with it."""
        now = time.monotonic()
        return any(s.phase is not Phase.IDLE and now - s.since > STUCK for s in self.sessions)

    def poll(self, *, hurried: bool) -> None:
        """Let every session read and write what its socket allows, after a short sleep if none is ready."""
        self._arrive()
        for session in self.sessions:
            self._watch(session)
        for key, _ in self._selector.select(HURRIED if hurried or self._dialling else WAIT):
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
                self.sessions.remove(session)
                self._drop(session)

    def close(self) -> None:
        """Leave every connection; what is in flight ends as its phase says."""
        while self.sessions:
            self._drop(self.sessions.pop())
        self._wanted = False
        self._hang_up()

    def _dial(self) -> None:
        if not self._dialling:
            self._dialling = True
            threading.Thread(target=self._call, daemon=True).start()

    def _call(self) -> None:
        try:
            self._answer.put(self._relay.connect())
        except RelayDown as down:
            self._answer.put(down)
        if not self._wanted:
            self._hang_up()

    def _hang_up(self) -> None:
        """Nobody waits any more for what was dialled."""
        with suppress(Empty):
            answer = self._answer.get_nowait()
            self._dialling = False
            if isinstance(answer, smtplib.SMTP):
                answer.close()

    def _arrive(self) -> None:
        try:
            answer = self._answer.get_nowait()
        except Empty:
            return
        self._dialling = False
        if isinstance(answer, RelayDown):
            self._not_before = time.monotonic() + REDIAL
        else:
            self.tidy()
            self._add(answer)

    def _add(self, client: smtplib.SMTP) -> None:
        session = Session(client, self._courier)
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
