"""Lanes take turns, keep to their room, and send troublemakers alone."""

from mailer.delivery.ledger import Claimed
from mailer.delivery.shaping.queue import Lanes
from tests.support.make import EPOCH


def _row(position: int, lane: str, faults: int = 0) -> Claimed:
    return Claimed(position, 1, 0, faults, EPOCH, lane, f"r{position}@example.org", None)


def _taken(lanes: Lanes, *, company: bool = False) -> list[int]:
    taken = []
    while row := lanes.take(company=company):
        taken.append(row.position)
    return taken


def test_lanes_take_turns() -> None:
    lanes = Lanes(lambda _: None)
    lanes.put([_row(1, "gmail"), _row(2, "gmail"), _row(3, "gmail"), _row(4, "other"), _row(5, "free")])
    assert len(lanes) == 5
    assert _taken(lanes) == [1, 4, 5, 2, 3]
    assert len(lanes) == 0


def test_a_full_lane_keeps_nobody_waiting() -> None:
    lanes = Lanes({"free": 1}.get)
    lanes.put([_row(1, "free"), _row(2, "free"), _row(3, "other")])
    assert _taken(lanes) == [1, 3]
    lanes.landed("free")
    assert _taken(lanes) == [2]


def test_what_a_relay_broke_off_at_goes_alone() -> None:
    lanes = Lanes(lambda _: None)
    lanes.put([_row(1, "other", faults=1), _row(2, "free")])
    assert lanes.troubled
    assert _taken(lanes, company=True) == [2]
    assert _taken(lanes) == [1]
    assert not lanes.troubled


def test_what_a_relay_broke_off_at_blocks_nobody_and_goes_first() -> None:
    lanes = Lanes(lambda _: None)
    lanes.put([_row(1, "other", faults=1), _row(2, "other"), _row(3, "other"), _row(4, "other", faults=2)])
    assert _taken(lanes, company=True) == [2, 3]
    lanes.put([_row(5, "other")])
    assert _taken(lanes) == [1, 4, 5]


def test_what_waits_can_be_taken_back() -> None:
    lanes = Lanes(lambda _: None)
    lanes.put([_row(1, "other"), _row(2, "free")])
    assert [row.position for row in lanes.empty()] == [1, 2]
    assert len(lanes) == 0
