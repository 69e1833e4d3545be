"""A thread goes once at a time, and brings back what happened."""

import threading

import pytest

from mailer.delivery.ledger_thread import LedgerThread


def test_it_is_away_until_its_result_is_received() -> None:
    thread, gate = LedgerThread[int](), threading.Event()
    thread.send(lambda: gate.wait(10) and 7)
    assert thread.busy
    assert not thread.done
    gate.set()
    assert thread.receive() == 7
    assert not thread.busy


def test_what_goes_wrong_on_the_way_is_told() -> None:
    thread = LedgerThread[float]()
    thread.send(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        thread.receive()
    assert not thread.busy
