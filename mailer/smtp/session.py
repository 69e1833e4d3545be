"""One connection to the relay, spoken to without blocking, and always aware of its phase.

When the relay offers PIPELINING (RFC 2920) everything up to DATA goes in one write, and so do a body, its
final dot and the next envelope; when it does not, commands go one by one through the same code.  The phase
decides what a cut means: before the first body byte nothing was sent; after it nobody can know (RFC 1047).
"""

import contextlib
import math
import smtplib
import socket
import ssl
import time
from collections import Counter, deque
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

from mailer.smtp.replies import Reply, reply

COMMAND_TIMEOUT = 300.0  # seconds of silence, RFC 5321 4.5.3.2
DATA_TIMEOUT = 120.0
DOT_TIMEOUT = 600.0
AT_ONCE = 1.0  # seconds after the last reply within which a relay that closes closes because of it
CHUNK = 65536  # bytes read at a time
MAX_LINE = 8192  # bytes; a relay that talks longer without a line end is not speaking SMTP


class Job(NamedTuple):
    """One message for one recipient."""

    key: int  # the caller's name for it
    sender: str  # return path without brackets; "" is the null one
    recipient: str
    message: bytes  # CRLF line ends, ends in CRLF, no line begins with a dot
    lane: str


class Fate(StrEnum):
    """How a job ended."""

    ANSWERED = "answered"  # the reply to RCPT, DATA or the final dot decides
    NOT_BEGUN = "not begun"  # nothing of it was sent: as if never tried
    INTERRUPTED = "interrupted"  # it was in flight at a 421, or at a cut before its first body byte
    UNKNOWN = "unknown"  # cut, or silent, after its first body byte


class Phase(StrEnum):
    IDLE = "idle"
    ENVELOPE = "envelope"  # MAIL, RCPT, DATA on their way or answered in part
    GATE = "gate"  # the relay awaits the body, which awaits the owner's word
    BODY = "body"  # the first body byte is written; the reply to the final dot is awaited
    RESET = "reset"  # clearing what a refused envelope left behind
    CLOSED = "closed"


class May(StrEnum):
    """What the owner says of a message whose body could begin."""

    BEGIN = "begin"
    WAIT = "wait"  # the owner will say `proceed`, or `abandon`
    NEVER = "never"


class SessionOwner(Protocol):
    """Whom a session works for."""

    def begin(self, session: "Session", job: Job) -> May:
        """Say whether the body may begin; called right before its first byte.  False: too late, do not."""

    def following(self, session: "Session") -> Job | None:
        """Return the job whose envelope may ride behind the current body."""

    def ended(self, session: "Session", job: Job, fate: Fate, answer: Reply | None) -> None:
        """Take the job's end; called once per job."""

    def spent(self, session: "Session") -> None:
        """Note that the relay broke off between two messages: after `answered` it had enough."""


class _Cut(Exception):
    """The connection is gone, or no longer makes sense."""


@lru_cache(maxsize=256)  # a relay says the same few things all day
def _parsed(line: bytes) -> tuple[int, bool, bytes]:
    """(code, whether its reply goes on, text) of a reply's line.  Raises _Cut on anything else."""
    if not line[:3].isdigit() or line[3:4] not in {b" ", b"-", b""}:
        raise _Cut
    return int(line[:3]), line[3:4] == b"-", line[4:]


class Session:
    """A connection with at most one message in flight and one envelope announced behind it."""

    def __init__(self, client: smtplib.SMTP, owner: SessionOwner) -> None:
        if client.sock is None:
            raise ValueError("the client is not connected")
        self.sock: socket.socket = client.sock
        self.owner = owner
        self.phase = Phase.IDLE
        self.carried: Counter[str] = Counter()  # bodies sent on this connection, by lane
        self.answered = 0  # of these, those whose dot was answered
        self.is_spent = False  # the relay broke off between two messages
        self.since = self.born = (
            time.monotonic()
        )  # when it entered its phase, or the relay last moved on in it
        self.taken_up = self.since  # when what is in flight was announced, or came to be answered
        self.timeout = COMMAND_TIMEOUT
        self._pipelining = client.has_extn("pipelining")
        self._smtputf8 = client.has_extn("smtputf8")
        self._size = client.has_extn("size")
        self._plain = not isinstance(self.sock, ssl.SSLSocket)
        self._client = client
        self._job: Job | None = None
        self._next: Job | None = None
        self._out = bytearray()
        self._in = b""
        self._text: list[bytes] = []  # the lines of a reply not yet complete
        self._answers: list[Reply] = []  # to the current envelope
        self._unsaid: deque[bytes] = deque()
        self.sock.setblocking(False)
        if self.sock.family in {socket.AF_INET, socket.AF_INET6}:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def job(self) -> Job | None:
        """Return what is in flight."""
        return self._job

    @property
    def size_limit(self) -> int:
        """Return how many bytes a message may have, as the relay said (RFC 1870); 0 where it did not."""
        said = str(self._client.esmtp_features.get("size", "")).strip()
        return int(said) if said.isdigit() else 0

    @property
    def messages(self) -> int:
        """Return how many bodies this connection has carried."""
        return self.carried.total()

    @property
    def wants_write(self) -> bool:
        return bool(self._out)

    def start(self, job: Job) -> None:
        """Announce a job on an idle session."""
        self._job = job
        self._enter(Phase.ENVELOPE, COMMAND_TIMEOUT)
        self.taken_up = self.since
        self._guarded(lambda: self._write(self._announce(job)))

    def advance(self) -> None:
        """Read and write what the socket allows; call when it is ready."""
        self._guarded(self._exchange)

    def proceed(self) -> None:
        """Begin the body that waits at the gate."""
        self._guarded(self._send_body)

    def abandon(self) -> None:
        """Hang up on the message that waits at the gate; its owner knows what becomes of it.

        After a 354 there is no other way not to deliver an empty mail.
        """
        self._job = None
        self.close()

    def expire(self, now: float) -> None:
        """Give up when the relay has been silent for longer than its phase allows."""
        if self.phase is not Phase.IDLE and now - self.since > self.timeout:
            self.close()

    def close(self) -> None:
        """Leave; whatever was in flight ends as its phase says."""
        if self.phase is Phase.CLOSED:
            return
        polite, phase, self.phase = self.phase is Phase.IDLE, self.phase, Phase.CLOSED
        with contextlib.suppress(OSError):
            if polite:
                self.sock.send(b"QUIT\r\n")
        self._client.close()
        job, following, self._job, self._next = self._job, self._next, None, None
        if job:
            self.owner.ended(self, job, Fate.UNKNOWN if phase is Phase.BODY else Fate.INTERRUPTED, None)
        if following:
            self.owner.ended(self, following, Fate.NOT_BEGUN, None)

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (_Cut, OSError):
            self._note_spent()
            self.close()

    def _note_spent(self) -> None:
        """Broken off before a word on what comes next, and not for having been idle, the relay had enough."""
        unheard = self.phase is Phase.ENVELOPE and not self._answers
        at_once = self.phase is Phase.IDLE and time.monotonic() - self.since < AT_ONCE
        if self.answered and not self.is_spent and (unheard or at_once):
            self.is_spent = True
            self.owner.spent(self)

    # -- bytes ---------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        """Send at once what the socket takes; a whole body is copied only where it does not."""
        if self._out:
            self._out += data
            self._flush()
        else:
            self._out += data[self._sent(data) :]

    def _flush(self) -> None:
        while self._out and (sent := self._sent(self._out)):
            del self._out[:sent]
            self.since = time.monotonic()

    def _sent(self, data: bytes | bytearray) -> int:
        try:
            return self.sock.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0

    def _exchange(self) -> None:
        self._flush()
        while data := self._received():
            *lines, rest = (self._in + data).split(b"\n")
            self._in = rest
            for line in lines:
                self._line(line.rstrip(b"\r"))
            if lines:
                self.since = time.monotonic()
            if len(rest) > MAX_LINE:
                raise _Cut
            if self._plain and len(data) < CHUNK:
                return  # the socket is empty; a TLS one may hold a record more

    def _received(self) -> bytes | None:
        if self.phase is Phase.CLOSED:
            return None
        try:
            data = self.sock.recv(CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        if not data:
            raise _Cut
        return data

    def _line(self, line: bytes) -> None:
        code, more, text = _parsed(line)
        self._text.append(text)
        if not more:
            answer = reply(code, b" ".join(self._text))
            self._text.clear()
            self._answered(answer)

    # -- the dialogue --------------------------------------------------------

    def _announce(self, job: Job) -> bytes:
        """Return the envelope's commands that may be written now."""
        self._answers.clear()
        options = b" SIZE=%d" % len(job.message) if self._size else b""
        if not (job.sender + job.recipient).isascii():
            options += b" SMTPUTF8"
        commands = (
            b"MAIL FROM:<%s>%s\r\n" % (job.sender.encode(), options),
            b"RCPT TO:<%s>\r\n" % job.recipient.encode(),
            b"DATA\r\n",
        )
        if self._pipelining:
            return b"".join(commands)
        self._unsaid.extend(commands[1:])
        return commands[0]

    def _answered(self, answer: Reply) -> None:
        if answer.code == 421:
            raise self._turned_away(answer)
        match self.phase:
            case Phase.ENVELOPE:
                self._envelope_answered(answer)
            case Phase.BODY:
                self._body_answered(answer)
            case Phase.RESET:
                self._enter(Phase.IDLE, COMMAND_TIMEOUT)
            case _:
                raise _Cut  # nobody asked

    def _turned_away(self, answer: Reply) -> _Cut:
        """421: the relay closes.  In answer to the dot it also means that the message was not taken."""
        self._note_spent()
        job, self._job = self._job, None
        if job:
            self.owner.ended(self, job, Fate.INTERRUPTED, answer)
        return _Cut()

    def _envelope_answered(self, answer: Reply) -> None:
        self._answers.append(answer)
        fine = answer.code // 100 == 2
        if self._unsaid and fine:
            if len(self._unsaid) == 1:
                self._enter(Phase.ENVELOPE, DATA_TIMEOUT)
            self._write(self._unsaid.popleft())
        elif self._unsaid or len(self._answers) == 3:
            self._unsaid.clear()
            self._decide(self._answers[-1].code == 354)

    def _decide(self, open_for_data: bool) -> None:
        refused = next((a for a in self._answers if a.code // 100 not in {2, 3}), None)
        if refused is None and open_for_data:
            self._send_body()
            return
        if refused is None:
            raise _Cut  # 250 to DATA is no word on any message
        # After a 354 whose RCPT was refused only a lone dot can be said (RFC 2920 3.1); else RSET.
        self._finish(refused)
        self._enter(Phase.RESET, DOT_TIMEOUT)
        self._write(b".\r\n" if open_for_data else b"RSET\r\n")

    def _send_body(self) -> None:
        job = self._job
        may = self.owner.begin(self, job) if job else May.NEVER
        if may is May.WAIT:
            self._enter(Phase.GATE, math.inf)
            return
        if job is None or may is May.NEVER:
            raise self._too_late(job)
        self._enter(Phase.BODY, DOT_TIMEOUT)
        self.carried[job.lane] += 1
        self._next = self.owner.following(self) if self._pipelining else None
        ending = b".\r\n"
        if self._next:
            ending += self._announce(self._next)
        self._write(job.message + ending)

    def _too_late(self, job: Job | None) -> _Cut:
        """RCPT is accepted and data awaited: not to deliver an empty mail, one can only hang up."""
        self._job = None
        if job:
            self.owner.ended(self, job, Fate.NOT_BEGUN, None)
        return _Cut()

    def _body_answered(self, answer: Reply) -> None:
        self._finish(answer)
        self.answered += 1
        self._job, self._next = self._next, None
        self._enter(Phase.ENVELOPE if self._job else Phase.IDLE, COMMAND_TIMEOUT)
        self.taken_up = self.since

    def _finish(self, answer: Reply) -> None:
        job, self._job = self._job, None
        if job:
            self.owner.ended(self, job, Fate.ANSWERED, answer)

    def _enter(self, phase: Phase, timeout: float) -> None:
        self.phase, self.timeout, self.since = phase, timeout, time.monotonic()
