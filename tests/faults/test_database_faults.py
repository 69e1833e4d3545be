"""PostgreSQL that dies and comes back: nothing that was said is forgotten, nothing is sent twice."""

import time

import pytest

from tests.faults.choice import every
from tests.faults.conftest import Judge
from tests.faults.points import BODY, Point, Then
from tests.faults.stage import Stage
from tests.support.waiting import until

READERS = 60
MOMENTS = (
    "freeze.inside", "freeze.committed", "claim.before", "claim.inside", "claim.committed", "begin.after",
    *BODY, "reply.after", "record.before", "record.inside", "record.committed",
)  # fmt: skip


@pytest.mark.parametrize("name", every(MOMENTS, often=["claim.committed", "body.dot", "record.inside"]))
def test_restarted_at_once(stage: Stage, judge: Judge, name: str) -> None:
    issue_id = stage.issue(READERS)
    worker = stage.worker(Point(name, Then.WAIT, 1 if name.startswith("freeze") else 2))
    worker.reached()
    stage.postgres.crash()
    stage.postgres.start()
    worker.go()
    assert worker.wait() == 0
    assert judge(issue_id, "an immediate stop, and back") == {"accepted": READERS}


@pytest.mark.parametrize("name", ["freeze", "claim", "record"])
def test_an_answer_to_commit_that_is_lost(stage: Stage, judge: Judge, name: str) -> None:
    issue_id = stage.issue(READERS)
    assert stage.worker(Point(f"{name}.committed", Then.LOSE)).wait() == 0
    assert judge(issue_id, "committed, and the worker does not know") == {"accepted": READERS}


def test_killed_and_down_for_a_while_in_mid_send(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(400)
    stage.relay.offer(usual=0.01)
    workers = [stage.worker(), stage.worker()]
    stage.relay.wait_taken(60)
    stage.postgres.kill()
    time.sleep(3)  # the fault itself
    stage.postgres.start()
    assert [worker.wait() for worker in workers] == [0, 0]
    assert judge(issue_id, "down for 3 s") == {"accepted": 400}


def test_down_at_the_scheduled_time(stage: Stage, judge: Judge) -> None:
    issue_id = stage.schedule(stage.readers(READERS), due_in=0.5)
    worker = stage.worker()
    stage.postgres.crash()
    time.sleep(1)
    stage.postgres.start()
    assert worker.wait() == 0
    assert judge(issue_id, "leaves as soon as it is back") == {"accepted": READERS}


def test_killed_together_with_the_worker(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(READERS)
    worker = stage.worker(Point("record.inside", Then.WAIT, 2))
    connections = worker.reached()["connections"]
    stage.postgres.kill()
    worker.kill()
    stage.postgres.start()
    until(lambda: stage.states(issue_id)["handed"] > 0, "nothing was handed")
    assert stage.worker().wait() == 0
    states = judge(issue_id, "both at once")
    assert states.get("unknown", 0) <= connections
