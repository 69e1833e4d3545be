"""A real SMTP server that keeps what it accepts, and answers as told, and when."""

import asyncio
import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from mailer.core.embedded import free_port


class Sink:
    """What a test's relay holds."""

    def __init__(self, port: int) -> None:
        self.url = f"smtp://127.0.0.1:{port}"
        self.envelopes: list[Envelope] = []
        self.refusals: dict[str, str] = {}  # recipient → reply to RCPT
        self.hangs_up: set[str] = set()  # on these recipients
        self.password = ""
        self.logins = 0  # tried
        self.holding: set[str] = set()  # recipients whose RCPT is not answered while they are in here
        self.holding_dots = False  # no final dot is answered while this is so
        self.thinks_over_resets = 0.0  # seconds until an RSET is answered
        self.clients: set[int] = set()  # the ports that messages came from: one a connection
        self.held = 0  # messages whose dot was not answered at once

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, server: Any, session: Any, envelope: Envelope, address: str, rcpt_options: Any
    ) -> str:
        if address in self.hangs_up:
            server.transport.abort()
        while address in self.holding:
            await asyncio.sleep(0.01)
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def authenticate(self, _: Any, __: Any, ___: Any, method: str, given: Any) -> AuthResult:
        """Compare the password of a login; aiosmtpd says no with a 535."""
        self.logins += 1
        right = isinstance(given, LoginPassword) and given.password.decode() == self.password
        return AuthResult(success=right, handled=False)

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        self.clients.add(session.peer[1])
        self.held += self.holding_dots
        while self.holding_dots:
            await asyncio.sleep(0.01)
        return "250 OK"

    async def handle_RSET(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.thinks_over_resets)
        return "250 OK"

    def took(self) -> list[str]:
        """Whom the messages were for, in the order they came."""
        return [envelope.rcpt_tos[0] for envelope in self.envelopes]

    def mails(self) -> list[EmailMessage]:
        """The messages, parsed, in the order they came."""
        contents = [envelope.content for envelope in self.envelopes]
        return [
            email.message_from_bytes(content, policy=email.policy.default)
            for content in contents
            if isinstance(content, bytes)
        ]


@contextmanager
def running_sink(*, smtputf8: bool = True, password: str = "") -> Iterator[Sink]:
    """A sink that listens on a port of its own; whoever logs in needs this password."""
    port = free_port()
    sink = Sink(port)
    controller = Controller(
        sink, hostname="127.0.0.1", port=port, enable_SMTPUTF8=smtputf8, authenticator=sink.authenticate,
        auth_require_tls=not password,  # without one, no login is offered
    )  # fmt: skip
    sink.password = password
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()
