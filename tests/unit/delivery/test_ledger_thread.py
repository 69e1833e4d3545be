"""A clerk goes once at a time, and brings back what happened."""

import threading

import pytest

from mailer.delivery.ledger_thread import Clerk


def test_a_clerk_is_away_until_received() -> None:
    clerk, gate = Clerk[int](), threading.Event()
    clerk.send(lambda: gate.wait(10) and 7)
    assert clerk.away
    assert not clerk.back
    gate.set()
    assert clerk.receive() == 7
    assert not clerk.away


def test_what_goes_wrong_on_the_way_is_told() -> None:
    clerk = Clerk[float]()
    clerk.send(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        clerk.receive()
    assert not clerk.away
