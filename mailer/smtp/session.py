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


class OutgoingMessage(NamedTuple):
    """Hold one message for one recipient."""

    key: int  # the caller's name for it
    sender: str  # return path without brackets; "" is the null one
    recipient: str
    content: bytes  # CRLF line ends, ends in CRLF, no line begins with a dot
    provider: str


class TransactionEnd(StrEnum):
    """Say how a message ended."""

    ANSWERED = "answered"  # the reply to RCPT, DATA or the final dot decides
    NOT_BEGUN = "not begun"  # nothing of it was sent: as if never tried
    INTERRUPTED = "interrupted"  # it was in flight at a 421, or at a cut before its first body byte
    UNKNOWN = "unknown"  # cut, or silent, after its first body byte


class Phase(StrEnum):
    """Say where in the dialogue a session is."""

    IDLE = "idle"
    ENVELOPE = "envelope"  # MAIL, RCPT, DATA on their way or answered in part
    GATE = "gate"  # the relay awaits the body, which awaits the owner's word
    BODY = "body"  # the first body byte is written; the reply to the final dot is awaited
    RESET = "reset"  # clearing what a refused envelope left behind
    CLOSED = "closed"


class BodyPermission(StrEnum):
    """Say what the owner answers for a message whose body could begin."""

    BEGIN = "begin"
    WAIT = "wait"  # the owner will say `proceed`, or `abandon`
    NEVER = "never"


class SessionOwner(Protocol):
    """Decide for a session, and hear from it."""

    def may_begin(self, session: "Session", message: OutgoingMessage) -> BodyPermission:
        """Say whether the body may begin; called right before its first byte.  NEVER: too late."""

    def next_message(self, session: "Session") -> OutgoingMessage | None:
        """Return the message whose envelope may follow the current body in the same write."""

    def ended(
        self, session: "Session", message: OutgoingMessage, end: TransactionEnd, answer: Reply | None
    ) -> None:
        """Take the message's end; called once per message."""

    def closed_between_messages(self, session: "Session") -> None:
        """Note that the relay broke off between two messages: after `answered` it had enough."""


class _ConnectionLost(Exception):
    """Say that the connection is gone, or no longer makes sense."""


@lru_cache(maxsize=256)  # a relay says the same few things all day
def _parsed(line: bytes) -> tuple[int, bool, bytes]:
    """Return (code, whether its reply goes on, text) of a reply's line.  Raises _ConnectionLost."""
    if not line[:3].isdigit() or line[3:4] not in {b" ", b"-", b""}:
        raise _ConnectionLost
    return int(line[:3]), line[3:4] == b"-", line[4:]


class Session:
    """Hold a connection with at most one message in flight and one envelope announced behind it."""

    def __init__(self, client: smtplib.SMTP, owner: SessionOwner) -> None:
        if client.sock is None:
            raise ValueError("the client is not connected")
        self.sock: socket.socket = client.sock
        self.owner = owner
        self.phase = Phase.IDLE
        self.sent_by_provider: Counter[str] = Counter()  # bodies sent on this connection, by provider
        self.answered = 0  # of these, those whose dot was answered
        self.closed_early = False  # the relay broke off between two messages
        self.since = self.born = (
            time.monotonic()
        )  # when it entered its phase, or the relay last moved on in it
        self.message_since = self.since  # when what is in flight was announced, or came to be answered
        self.timeout = COMMAND_TIMEOUT
        self._pipelining = client.has_extn("pipelining")
        self.smtputf8 = client.has_extn("smtputf8")  # whether it takes addresses beyond ASCII (RFC 6531)
        self._size = client.has_extn("size")
        self._plain = not isinstance(self.sock, ssl.SSLSocket)
        self._client = client
        self._current: OutgoingMessage | None = None
        self._next: OutgoingMessage | None = None
        self._out = bytearray()
        self._in = b""
        self._text: list[bytes] = []  # the lines of a reply not yet complete
        self._envelope_replies: list[Reply] = []  # to the current envelope
        self._unsent_commands: deque[bytes] = deque()
        self.sock.setblocking(False)
        if self.sock.family in {socket.AF_INET, socket.AF_INET6}:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def current(self) -> OutgoingMessage | None:
        """Return what is in flight."""
        return self._current

    @property
    def size_limit(self) -> int:
        """Return how many bytes a message may have, as the relay said (RFC 1870); 0 where it did not."""
        stated = str(self._client.esmtp_features.get("size", "")).strip()
        return int(stated) if stated.isdigit() else 0

    @property
    def messages(self) -> int:
        """Return how many bodies this connection has carried."""
        return self.sent_by_provider.total()

    @property
    def wants_write(self) -> bool:
        return bool(self._out)

    def start(self, message: OutgoingMessage) -> None:
        """Announce a message on an idle session."""
        self._current = message
        self._enter(Phase.ENVELOPE, COMMAND_TIMEOUT)
        self.message_since = self.since
        self._guarded(lambda: self._write(self._announce(message)))

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
        self._current = None
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
        message, next_message, self._current, self._next = self._current, self._next, None, None
        if message:
            self.owner.ended(
                self,
                message,
                TransactionEnd.UNKNOWN if phase is Phase.BODY else TransactionEnd.INTERRUPTED,
                None,
            )
        if next_message:
            self.owner.ended(self, next_message, TransactionEnd.NOT_BEGUN, None)

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (_ConnectionLost, OSError):
            self._note_early_close()
            self.close()

    def _note_early_close(self) -> None:
        """Tell the owner of a relay that broke off between two messages, and not for having been idle."""
        unheard = self.phase is Phase.ENVELOPE and not self._envelope_replies
        at_once = self.phase is Phase.IDLE and time.monotonic() - self.since < AT_ONCE
        if self.answered and not self.closed_early and (unheard or at_once):
            self.closed_early = True
            self.owner.closed_between_messages(self)

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
                raise _ConnectionLost
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
            raise _ConnectionLost
        return data

    def _line(self, line: bytes) -> None:
        code, more, text = _parsed(line)
        self._text.append(text)
        if not more:
            answer = reply(code, b" ".join(self._text))
            self._text.clear()
            self._answered(answer)

    # -- the dialogue --------------------------------------------------------

    def _announce(self, message: OutgoingMessage) -> bytes:
        """Return the envelope's commands that may be written now."""
        self._envelope_replies.clear()
        options = b" SIZE=%d" % len(message.content) if self._size else b""
        if not (message.sender + message.recipient).isascii():
            options += b" SMTPUTF8"
        commands = (
            b"MAIL FROM:<%s>%s\r\n" % (message.sender.encode(), options),
            b"RCPT TO:<%s>\r\n" % message.recipient.encode(),
            b"DATA\r\n",
        )
        if self._pipelining:
            return b"".join(commands)
        self._unsent_commands.extend(commands[1:])
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
                raise _ConnectionLost  # nobody asked

    def _turned_away(self, answer: Reply) -> _ConnectionLost:
        """Take a 421: the relay closes; in answer to the dot it also says that the message was not taken."""
        self._note_early_close()
        message, self._current = self._current, None
        if message:
            self.owner.ended(self, message, TransactionEnd.INTERRUPTED, answer)
        return _ConnectionLost()

    def _envelope_answered(self, answer: Reply) -> None:
        self._envelope_replies.append(answer)
        fine = answer.code // 100 == 2
        if self._unsent_commands and fine:
            if len(self._unsent_commands) == 1:
                self._enter(Phase.ENVELOPE, DATA_TIMEOUT)
            self._write(self._unsent_commands.popleft())
        elif self._unsent_commands or len(self._envelope_replies) == 3:
            self._unsent_commands.clear()
            self._decide(self._envelope_replies[-1].code == 354)

    def _decide(self, open_for_data: bool) -> None:
        refused = next((a for a in self._envelope_replies if a.code // 100 not in {2, 3}), None)
        if refused is None and open_for_data:
            self._send_body()
            return
        if refused is None:
            raise _ConnectionLost  # 250 to DATA is no word on any message
        # After a 354 whose RCPT was refused only a lone dot can be said (RFC 2920 3.1); else RSET.
        self._finish(refused)
        self._enter(Phase.RESET, DOT_TIMEOUT)
        self._write(b".\r\n" if open_for_data else b"RSET\r\n")

    def _send_body(self) -> None:
        message = self._current
        permission = self.owner.may_begin(self, message) if message else BodyPermission.NEVER
        if permission is BodyPermission.WAIT:
            self._enter(Phase.GATE, math.inf)
            return
        if message is None or permission is BodyPermission.NEVER:
            raise self._too_late(message)
        self._enter(Phase.BODY, DOT_TIMEOUT)
        self.sent_by_provider[message.provider] += 1
        self._next = self.owner.next_message(self) if self._pipelining else None
        ending = b".\r\n"
        if self._next:
            ending += self._announce(self._next)
        self._write(message.content + ending)

    def _too_late(self, message: OutgoingMessage | None) -> _ConnectionLost:
        """Hang up: RCPT is accepted and data awaited, and nothing else would not deliver an empty mail."""
        self._current = None
        if message:
            self.owner.ended(self, message, TransactionEnd.NOT_BEGUN, None)
        return _ConnectionLost()

    def _body_answered(self, answer: Reply) -> None:
        self._finish(answer)
        self.answered += 1
        self._current, self._next = self._next, None
        self._enter(Phase.ENVELOPE if self._current else Phase.IDLE, COMMAND_TIMEOUT)
        self.message_since = self.since

    def _finish(self, answer: Reply) -> None:
        message, self._current = self._current, None
        if message:
            self.owner.ended(self, message, TransactionEnd.ANSWERED, answer)

    def _enter(self, phase: Phase, timeout: float) -> None:
        self.phase, self.timeout, self.since = phase, timeout, time.monotonic()
