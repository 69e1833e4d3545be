"""A limit is learnt at once where it is said, and from two closings where it is not."""

import time

import pytest

from mailer.smtp import connection_limits
from mailer.smtp.connection_limits import ConnectionLimit


def test_what_is_said_counts_at_once() -> None:
    limit = ConnectionLimit()
    assert not limit.reached(500)
    limit.told(3)
    assert [limit.reached(2), limit.reached(3), limit.reached(4)] == [False, True, True]


def test_a_relay_that_restarts_has_no_limit() -> None:
    """All connections end at once, after about as many messages."""
    limit, opened = ConnectionLimit(), time.monotonic()
    for _ in range(4):
        limit.closed(7, opened)
    assert not limit.reached(7)


def test_a_later_connection_that_ends_after_as_many_shows_the_limit() -> None:
    limit, opened = ConnectionLimit(), time.monotonic()
    limit.closed(7, opened)
    limit.closed(9, time.monotonic())
    assert not limit.reached(9)
    limit.closed(7, time.monotonic())
    assert limit.reached(7)
    assert not limit.reached(6)


def test_it_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = ConnectionLimit()
    limit.told(3)
    monkeypatch.setattr(connection_limits, "REMEMBERED", 0.0)
    assert not limit.reached(3)
