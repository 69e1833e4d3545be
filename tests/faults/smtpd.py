"""A scriptable SMTP server in a process of its own: `python -m tests.faults.smtpd LOG`.

It is told what to be by lines of JSON on its standard input, and answers each with one line on its standard
output: its state.  It writes every body that begins to reach it to its log, a taken one right before the 250.
Standard input at its end ends it.
"""

import asyncio
import base64
import json
import os
import socket
import ssl
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

from tests.faults import copies
from tests.faults.copies import Arrival, End
from tests.faults.script import TAKING, At, Do, Rule, Script

OK = "250 2.0.0 ok"


@dataclass
class Offer:
    """What the server offers; the fields one may set."""

    pipelining: bool = True
    smtputf8: bool = True
    size: int = 0  # bytes; 0: no SIZE
    certificate: str = ""  # a PEM file with its key: STARTTLS is offered
    auth: str = ""  # user:password, then required
    eager: bool = False  # says 354 even when every RCPT was refused
    reads: int = 0  # bytes a second it reads of each connection; 0: as they come
    closes_after: int = 0  # messages on a connection; 0: it stays
    usual: float = 0.0  # seconds the 250 to a dot always takes; the message is taken before


@dataclass
class Server:
    """What all conversations share."""

    log: int  # file descriptor
    offer: Offer = field(default_factory=Offer)
    script: Script = field(default_factory=lambda: Script([]))
    port: int = 0
    listening: asyncio.Server | None = None
    open: set["Conversation"] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    most_open: int = 0

    def write(self, arrival: Arrival) -> None:
        os.write(self.log, arrival.line())
        self.counts[arrival.end] += 1

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        self.listening = await loop.create_server(lambda: Conversation(self), "127.0.0.1", self.port)
        self.port = self.listening.sockets[0].getsockname()[1]

    async def told(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carry out one order: offer, rules and seed, listen, hang up on everybody."""
        if order.get("forget"):
            os.ftruncate(self.log, 0)
            self.offer, self.counts, self.most_open = Offer(), Counter(), 0
        for name, value in order.get("offer", {}).items():
            setattr(self.offer, name, value)
        if "rules" in order:
            self.script = Script([Rule.read(rule) for rule in order["rules"]], order.get("seed", 0))
        if order.get("listen") is False and self.listening:
            self.listening.close()
            self.listening = None
        if order.get("listen") is True and self.listening is None:
            await self.listen()
        if order.get("hang_up"):
            for each in list(self.open):
                each.reset()
        return self.state()

    def state(self) -> dict[str, Any]:
        ours = {"port": self.port, "open": len(self.open), "most_open": self.most_open}
        return {**self.counts, **ours, "applied": self.script.applied}


class Conversation(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._in = bytearray()
        self._busy = False  # a reply is on its way, or never comes: nothing is read meanwhile
        self._secure = self._known = False
        self._began, self._taken = 0.0, 0
        self._clear()

    def _clear(self) -> None:
        self._sender, self._to, self._in_body, self._searched = "", "", False, 0

    # -- asyncio -------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.server.counts["connections"] += 1
        self.number = self.server.counts["connections"]
        self.server.open.add(self)
        self.server.most_open = max(self.server.most_open, len(self.server.open))
        self._answer(At.BANNER, "220 relay.example ESMTP")

    def connection_lost(self, _: Exception | None) -> None:
        self.server.open.discard(self)
        if self._in_body:
            self._ended(End.CUT, bytes(self._in))
        self._busy = True

    def data_received(self, data: bytes) -> None:
        self._in += data
        if self.server.offer.reads:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(len(data) / self.server.offer.reads, self._read_on)
        self._go_on()

    def _read_on(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _go_on(self) -> None:
        while not self._busy and (self._body_step() if self._in_body else self._command_step()):
            pass

    # -- replies -------------------------------------------------------------

    def _answer(self, at: At, usual: str, to: str = "") -> bool:
        """Say what the script says here, or the usual; True when it was the usual."""
        rule = self.server.script.rule(at, to, self._taken)
        if rule is None:
            self._say(usual)
            return True
        self._obey(rule, usual)
        return rule.do in {Do.LATE, Do.TARPIT}

    def _obey(self, rule: Rule, usual: str) -> None:
        match rule.do:
            case Do.SAY:
                self._say(rule.say)
            case Do.DROP | Do.TAKE_DROP:
                self.drop()
            case Do.RESET | Do.TAKE_RESET:
                self.reset()
            case Do.HANG | Do.TAKE_HANG:
                self._busy = True
                if rule.at is At.BODY:
                    self._transport.pause_reading()  # the sender's buffers fill
            case Do.LATE:
                self._later(rule.seconds, usual)
            case Do.TARPIT:
                self._trickle(rule.seconds, usual.encode() + b"\r\n")

    def _say(self, line: str) -> None:
        self._transport.write(line.encode() + b"\r\n")
        if line.startswith(("421", "221")):
            self._busy = True
            self._transport.close()

    def _later(self, seconds: float, line: str) -> None:
        self._busy = True
        whole = line.encode() + b"\r\n" if line else b""
        asyncio.get_running_loop().call_later(seconds, self._resume, whole)

    def _trickle(self, seconds: float, rest: bytes) -> None:
        self._busy = True
        if len(rest) == 1:
            self._resume(rest)
            return
        self._transport.write(rest[:1])
        asyncio.get_running_loop().call_later(seconds, self._trickle, seconds, rest[1:])

    def _resume(self, last: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(last)
        self._busy = False
        self._go_on()

    def drop(self) -> None:
        self._busy = True
        self._transport.close()

    def reset(self) -> None:
        self._busy = True
        raw: socket.socket | None = self._transport.get_extra_info("socket")
        if raw is not None and raw.fileno() >= 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    # -- commands ------------------------------------------------------------

    def _command_step(self) -> bool:
        end = self._in.find(b"\n")
        if end < 0:
            return False
        line = bytes(self._in[:end]).rstrip(b"\r").decode("utf-8", "replace")
        del self._in[: end + 1]
        if self._in and not self.server.offer.pipelining:
            self.server.counts["spoke out of turn"] += 1
        verb, _, rest = line.partition(" ")
        self._command(verb.upper(), rest)
        return True

    def _command(self, verb: str, rest: str) -> None:
        match verb:
            case "EHLO" | "HELO":
                self._answer(At.EHLO, "\r\n".join(self._greeting()))
            case "STARTTLS" if self.server.offer.certificate and not self._secure:
                if self._answer(At.STARTTLS, "220 2.0.0 go ahead"):
                    self._busy = True
                    asyncio.ensure_future(self._encrypt())  # noqa: RUF006 -- the loop outlives it
            case "AUTH" if self.server.offer.auth:
                self._authenticate(rest)
            case "MAIL" | "RCPT" | "DATA":
                self._envelope(verb, rest)
            case "RSET" | "NOOP":
                self._clear()
                self._say(OK)
            case "QUIT":
                self._say("221 2.0.0 bye")
            case _:
                self._say("502 5.5.1 what?")

    def _greeting(self) -> list[str]:
        offer, said = self.server.offer, ["relay.example"]
        said += ["PIPELINING"] if offer.pipelining else []
        said += ["SMTPUTF8", "8BITMIME"] if offer.smtputf8 else []
        said += [f"SIZE {offer.size}"] if offer.size else []
        said += ["STARTTLS"] if offer.certificate and not self._secure else []
        said += ["AUTH PLAIN"] if offer.auth and (self._secure or not offer.certificate) else []
        return [f"250-{word}" for word in [*said, "ENHANCEDSTATUSCODES"][:-1]] + ["250 ENHANCEDSTATUSCODES"]

    async def _encrypt(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server.offer.certificate)
        self._secure = True
        self._in.clear()
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self._transport, self, context, server_side=True)
        except (OSError, ssl.SSLError):
            self.server.open.discard(self)
            self.server.counts["failed handshakes"] += 1
            return
        assert transport
        self._transport, self._busy = transport, False

    def _authenticate(self, rest: str) -> None:
        kind, _, given = rest.partition(" ")
        user, _, password = self.server.offer.auth.partition(":")
        self._known = kind == "PLAIN" and base64.b64decode(given) == f"\0{user}\0{password}".encode()
        self._answer(At.AUTH, "235 2.7.0 welcome" if self._known else "535 5.7.8 who are you?")

    def _envelope(self, verb: str, rest: str) -> None:
        if self.server.offer.auth and not self._known:
            self._say("530 5.7.0 authenticate first")
        elif verb == "MAIL":
            self._mail(rest)
        elif verb == "RCPT" and self._sender:
            to = rest[rest.find("<") + 1 : rest.find(">")]
            if self._answer(At.RCPT, OK, to):
                self._to = to
        elif verb == "DATA" and (self._to or self.server.offer.eager):
            self._in_body = self._answer(At.DATA, "354 go ahead", self._to)
        else:
            self._say("503 5.5.1 out of order")

    def _mail(self, rest: str) -> None:
        self._clear()
        announced = int(rest.upper().partition("SIZE=")[2].split(" ")[0] or 0)
        if self.server.offer.size and announced > self.server.offer.size:
            self._say("552 5.3.4 message too big")
        elif self._answer(At.MAIL, OK):
            self._sender = rest[rest.find("<") : rest.find(">") + 1]

    # -- the body ------------------------------------------------------------

    def _body_step(self) -> bool:
        if not self._in:
            return False
        if not self._began:
            self._began = time.time()
            rule = self.server.script.rule(At.BODY, self._to, self._taken)
            if rule:
                self._obey(rule, "")
                return False
        end = 0 if self._in.startswith(b".\r\n") else self._in.find(b"\r\n.\r\n", max(0, self._searched - 4))
        self._searched = len(self._in)
        if end < 0:
            return False
        after = end + (3 if end == 0 else 5)
        raw = bytes(self._in[: end + 2]) if end else b""
        del self._in[:after]
        self._dot(raw.replace(b"\r\n..", b"\r\n."))
        return True

    def _dot(self, raw: bytes) -> None:
        rule = self.server.script.rule(At.DOT, self._to, self._taken)
        too_big = bool(self.server.offer.size) and len(raw) > self.server.offer.size
        takes = bool(self._to) and not too_big and (rule is None or rule.do in TAKING)
        self._ended(End.TOOK if takes else End.REFUSED, raw)
        nobody = not self._to
        self._clear()
        if nobody or too_big:
            self._say("554 5.5.1 no valid recipients" if nobody else "552 5.3.4 message too big")
        elif rule:
            self._obey(rule, OK)
        elif self.server.offer.usual:
            self._later(self.server.offer.usual, OK)
        else:
            self._say(OK)
        self._taken += takes
        if takes and self._taken == self.server.offer.closes_after:
            self.drop()

    def _ended(self, end: End, raw: bytes) -> None:
        whole = raw if end is End.TOOK else b""
        self.server.write(
            Arrival(
                end=end,
                began=self._began,
                ended=time.time(),
                to=self._to,
                sender=self._sender.strip("<>"),
                connection=self.number,
                size=len(raw),
                message_id=copies.message_id(whole),
                tokens=copies.tokens(whole),
                content=copies.impersonal(whole) if whole else "",
            )
        )
        self._began, self._in_body = 0.0, False


async def main(log: str) -> None:
    """Serve until standard input ends."""
    server = Server(os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
    await server.listen()
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    sys.stdout.write(json.dumps(server.state()) + "\n")
    sys.stdout.flush()
    while line := await orders.readline():
        sys.stdout.write(json.dumps(await server.told(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
