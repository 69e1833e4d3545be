"""kill -9 at each named point: the next worker finishes, and the ledger says what the relay holds."""

import pytest

from tests.faults import points
from tests.faults.conftest import Judge
from tests.faults.points import Point, Then
from tests.faults.stage import CONNECTIONS, Stage

READERS = 60
SIGKILLED = -9


@pytest.mark.parametrize("name", points.ALL)
def test_killed(stage: Stage, judge: Judge, name: str) -> None:
    issue_id = stage.issue(READERS)
    nth = 1 if name in points.FREEZE else 3
    first = stage.worker(Point(name, Then.KILL, nth))
    assert first.wait() == SIGKILLED
    before = stage.states(issue_id)
    assert stage.worker().wait() == 0
    states = judge(issue_id, f"{before['handed']} handed, {first.last_words()['connections']} connections")
    assert states.get("unknown", 0) <= first.last_words()["connections"] <= CONNECTIONS
    assert states.get("accepted", 0) + states.get("unknown", 0) == READERS


@pytest.mark.parametrize("name", ["claim.before", "claim.inside", "claim.committed", "begin.before"])
def test_killed_before_anything_began_nothing_is_unknown(stage: Stage, judge: Judge, name: str) -> None:
    issue_id = stage.issue(READERS)
    assert stage.worker(Point(name, Then.KILL)).wait() == SIGKILLED
    assert stage.worker().wait() == 0
    assert judge(issue_id) == {"accepted": READERS}


@pytest.mark.parametrize("name", points.RECOVER)
def test_killed_while_it_settles_what_another_left(stage: Stage, judge: Judge, name: str) -> None:
    issue_id = stage.issue(READERS)
    first = stage.worker(Point("body.dot", Then.KILL, 5))
    assert first.wait() == SIGKILLED
    assert stage.worker(Point(name, Then.KILL)).wait() == SIGKILLED
    assert stage.worker().wait() == 0
    states = judge(issue_id, "killed twice")
    assert 1 <= states["unknown"] <= first.last_words()["connections"]
