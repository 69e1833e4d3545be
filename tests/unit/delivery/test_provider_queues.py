"""Queues take turns, keep to their room, and send troublemakers alone."""

from uuid import UUID

from mailer.delivery.claim import Claimed
from mailer.delivery.shaping.provider_queues import ProviderQueues
from tests.support.make import EPOCH


def _row(position: int, provider: str, faults: int = 0) -> Claimed:
    return Claimed(
        UUID(int=0), position, 1, 0, faults, EPOCH, provider, f"r{position}@example.org", b"", None
    )


def _taken(providers: ProviderQueues, *, shared: bool = False) -> list[int]:
    taken = []
    while row := providers.take(shared=shared):
        taken.append(row.position)
    return taken


def test_lanes_take_turns() -> None:
    providers = ProviderQueues(lambda _: None)
    providers.put([_row(1, "gmail"), _row(2, "gmail"), _row(3, "gmail"), _row(4, "other"), _row(5, "free")])
    assert len(providers) == 5
    assert _taken(providers) == [1, 4, 5, 2, 3]
    assert len(providers) == 0


def test_a_full_lane_keeps_nobody_waiting() -> None:
    providers = ProviderQueues({"free": 1}.get)
    providers.put([_row(1, "free"), _row(2, "free"), _row(3, "other")])
    assert _taken(providers) == [1, 3]
    providers.finished("free")
    assert _taken(providers) == [2]


def test_what_a_relay_broke_off_at_goes_alone() -> None:
    providers = ProviderQueues(lambda _: None)
    providers.put([_row(1, "other", faults=1), _row(2, "free")])
    assert providers.needs_own_connection
    assert _taken(providers, shared=True) == [2]
    assert _taken(providers) == [1]
    assert not providers.needs_own_connection


def test_what_a_relay_broke_off_at_blocks_nobody_and_goes_first() -> None:
    providers = ProviderQueues(lambda _: None)
    providers.put(
        [_row(1, "other", faults=1), _row(2, "other"), _row(3, "other"), _row(4, "other", faults=2)]
    )
    assert _taken(providers, shared=True) == [2, 3]
    providers.put([_row(5, "other")])
    assert _taken(providers) == [1, 4, 5]


def test_what_waits_can_be_taken_back() -> None:
    providers = ProviderQueues(lambda _: None)
    providers.put([_row(1, "other"), _row(2, "free")])
    assert [row.position for row in providers.take_all()] == [1, 2]
    assert len(providers) == 0
