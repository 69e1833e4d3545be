"""How long a relay may say nothing before its connection is dropped: as docs/operations.md says."""

import re
import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from mailer.smtp import relay, session
from mailer.smtp.replies import Reply
from mailer.smtp.session import BodyPermission, OutgoingMessage, Phase, Session, TransactionEnd
from tests.support.waiting import until

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
MESSAGE = OutgoingMessage(1, "us@example.org", "zoe@example.org", b"Subject: x\r\n\r\nx\r\n", "other")


class Owner:
    """Lets every message go, and keeps how each ended."""

    def __init__(self) -> None:
        self.ends: list[TransactionEnd] = []

    def may_begin(self, *_: object) -> BodyPermission:
        return BodyPermission.BEGIN

    def next_message(self, _: Session) -> None:
        return None

    def ended(self, _: Session, __: OutgoingMessage, end: TransactionEnd, ___: Reply | None) -> None:
        self.ends.append(end)

    def closed_between_messages(self, _: Session) -> None:
        """Do nothing."""


@contextmanager
def _server(answers: int, *, pipelining: bool) -> Iterator[int]:
    """A relay that answers so many commands after EHLO, and then never again; its port."""
    replies = [b"250-x\r\n250 PIPELINING\r\n" if pipelining else b"250 x\r\n", b"250 ok\r\n", b"250 ok\r\n"]
    replies.append(b"354 go\r\n")

    def speak() -> None:
        connection, _ = listening.accept()
        # whoever hangs up on what was still to be read resets the connection
        with suppress(ConnectionError), connection, connection.makefile("rb") as said:
            connection.sendall(b"220 x\r\n")
            for number, _ in enumerate(said):
                if number <= answers:
                    connection.sendall(replies[number])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=speak, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("answers", "phase", "seconds", "end"),
    [
        (0, Phase.ENVELOPE, 300, TransactionEnd.INTERRUPTED),
        (2, Phase.ENVELOPE, 120, TransactionEnd.INTERRUPTED),
        (3, Phase.BODY, 600, TransactionEnd.UNKNOWN),
    ],
)
def test_a_silent_connection_is_dropped_when_its_phase_says(
    answers: int, phase: Phase, seconds: int, end: TransactionEnd, *, pipelining: bool
) -> None:
    expected = 300 if pipelining and phase is Phase.ENVELOPE else seconds  # one wait for three replies
    owner = Owner()
    with _server(answers, pipelining=pipelining) as port:
        client = smtplib.SMTP("127.0.0.1", port, timeout=5)
        client.ehlo()
        spoken = Session(client, owner)
        spoken.start(MESSAGE)

        def reached() -> bool:
            spoken.advance()
            return spoken.phase is phase and spoken.timeout == expected

        until(reached)
        spoken.expire(spoken.since + expected - 1)
        assert owner.ends == []
        spoken.expire(spoken.since + expected + 1)
        assert owner.ends == [end]
        assert spoken.phase is Phase.CLOSED


def test_the_documents_say_these_seconds() -> None:
    line = next(each for each in OPERATIONS.read_text("utf-8").splitlines() if "says nothing" in each)
    said = [float(each) for each in re.findall(r"(\d+) s\b", line)]
    assert said == [
        relay.CONNECT_TIMEOUT, session.COMMAND_TIMEOUT, session.DATA_TIMEOUT, session.DOT_TIMEOUT,
    ]  # fmt: skip
