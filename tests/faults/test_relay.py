"""The scripted relay does what its script says, and its log is what it took."""

import smtplib
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.copies import End
from tests.faults.relay import Relay
from tests.faults.script import At, Do, Rule, Script
from tests.support.waiting import PATIENCE, until

MAIL = b"Message-ID: <one@example.org>\r\nTo: zoe@example.org\r\n\r\nHello.\r\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    relay = Relay(tmp_path_factory.mktemp("relay") / "relay.log")
    yield relay
    relay.stop()


@pytest.fixture
def relay(running: Relay) -> Relay:
    running.forget()
    return running


def _send(relay: Relay, to: str = "zoe@example.org") -> None:
    with smtplib.SMTP("127.0.0.1", relay.port, timeout=PATIENCE) as client:
        client.sendmail("from@example.org", to, MAIL)


def _send_in_vain(relay: Relay, happened: Callable[[], object]) -> None:
    """Send, and hang up once the relay did what it was told."""
    with ThreadPoolExecutor(1) as other:
        sending = other.submit(_send, relay)
        until(happened)
        relay.hang_up()
        with pytest.raises((smtplib.SMTPException, OSError)):
            sending.result(PATIENCE)


def test_what_it_takes_is_in_its_log(relay: Relay) -> None:
    _send(relay)
    [arrival] = relay.arrivals()
    assert (arrival.end, arrival.to, arrival.message_id) == (End.TOOK, "zoe@example.org", "one@example.org")


@pytest.mark.parametrize("at", [At.BANNER, At.EHLO, At.MAIL, At.RCPT, At.DATA, At.BODY, At.DOT])
@pytest.mark.parametrize("do", [Do.DROP, Do.RESET, Do.HANG])
def test_cut_or_silent_in_each_phase_it_takes_nothing(relay: Relay, at: At, do: Do) -> None:
    relay.script(Rule(at, do))
    _send_in_vain(relay, lambda: relay.state()["applied"])
    assert relay.taken() == []
    relay.script()
    _send(relay)
    assert len(relay.taken()) == 1


@pytest.mark.parametrize("do", [Do.TAKE_DROP, Do.TAKE_RESET, Do.TAKE_HANG])
def test_it_may_take_a_message_and_never_say_so(relay: Relay, do: Do) -> None:
    relay.script(Rule(At.DOT, do))
    _send_in_vain(relay, relay.taken)
    assert len(relay.taken()) == 1


def test_first_later_then_yes_for_each_recipient(relay: Relay) -> None:
    relay.script(Rule(At.RCPT, Do.SAY, "450 4.2.0 later", times=1, each=True))
    for to in ("a@example.org", "b@example.org"):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            _send(relay, to)
        _send(relay, to)
    assert [arrival.to for arrival in relay.taken()] == ["a@example.org", "b@example.org"]


@pytest.mark.parametrize("do", [Do.LATE, Do.TARPIT])
def test_late_and_byte_by_byte_are_answers_all_the_same(relay: Relay, do: Do) -> None:
    relay.script(*(Rule(at, do, seconds=0.01) for at in (At.BANNER, At.MAIL, At.RCPT, At.DATA, At.DOT)))
    _send(relay)
    assert relay.state()["applied"] == 5


def test_421_closes_and_a_relay_that_is_down_refuses_connections(relay: Relay) -> None:
    relay.script(Rule(At.MAIL, Do.SAY, "421 4.3.2 busy"))
    with pytest.raises(smtplib.SMTPException):
        _send(relay)
    relay.listen(False)
    with pytest.raises(ConnectionRefusedError):
        _send(relay)
    relay.listen(True)
    relay.script()
    _send(relay)


def test_without_pipelining_it_notices_who_speaks_out_of_turn(relay: Relay) -> None:
    relay.offer(pipelining=False, size=10_000)
    with smtplib.SMTP("127.0.0.1", relay.port) as client:
        client.ehlo()
        assert not client.has_extn("pipelining")
        assert client.has_extn("size")
        assert client.sock
        client.sock.sendall(b"MAIL FROM:<>\r\nRCPT TO:<zoe@example.org>\r\n")
        client.getreply()
        client.getreply()
    assert relay.state()["spoke out of turn"] == 1


def test_a_message_too_big_is_refused_announced_or_not(relay: Relay) -> None:
    relay.offer(size=20)
    with pytest.raises(smtplib.SMTPSenderRefused):
        _send(relay)
    with socket.create_connection(("127.0.0.1", relay.port)) as raw, raw.makefile("rwb") as client:
        client.write(
            b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<zoe@example.org>\r\nDATA\r\n" + MAIL + b".\r\nQUIT\r\n"
        )
        client.flush()
        assert b"552" in client.read()
    assert [arrival.end for arrival in relay.arrivals()] == [End.REFUSED]


def test_a_password_is_asked_for(relay: Relay) -> None:
    relay.offer(auth="letter:secret")
    with smtplib.SMTP("127.0.0.1", relay.port) as client:
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("from@example.org", "zoe@example.org", MAIL)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("letter", "guess")
        client.login("letter", "secret")
        client.sendmail("from@example.org", "zoe@example.org", MAIL)


def test_odds_are_the_seed_s() -> None:
    def applied(seed: int) -> list[bool]:
        script = Script([Rule(At.DOT, Do.DROP, odds=0.3)], seed)
        return [script.rule(At.DOT) is not None for _ in range(1000)]

    assert applied(1) == applied(1) != applied(2)
    assert 200 < sum(applied(1)) < 400
