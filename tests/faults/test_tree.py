"""The real thing: trees of Celery workers, on a Redis that may be lost at any time."""

from uuid import UUID

import pytest
from sqlalchemy import select

from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from tests.faults.choice import every
from tests.faults.conftest import Judge
from tests.faults.stage import CONNECTIONS, Stage
from tests.faults.tree import ask_for_send, growing
from tests.support.waiting import until

PROCESSES = 2  # that send, in one tree


def _close(stage: Stage, issue_id: UUID) -> None:
    def closed() -> bool:
        with stage.transaction() as db:
            return db.scalar(select(Issue.state).where(Issue.id == issue_id)) is IssueState.CLOSED

    until(closed, f"the issue did not close: {stage.states(issue_id)}")
    until(lambda: not stage.states(issue_id)["unknown"] or "unknown" in stage.alarms(), "nobody was asked")


@pytest.mark.parametrize("count", every([1000, 20_000], often=[1000]))
def test_the_whole_tree_killed_in_mid_send(stage: Stage, judge: Judge, count: int) -> None:
    issue_id = stage.issue(count)
    with growing(stage) as tree:
        stage.relay.wait_taken(count // 4)
        tree.kill()
    held = stage.states(issue_id)["handed"]
    assert 0 < stage.states(issue_id)["pending"] < count
    before = stage.relay.state()["took"]
    with growing(stage):
        stage.relay.wait_taken(before + count // 20)
        _close(stage, issue_id)
    states = judge(issue_id, f"kill -9 of everything, {held} rows held")
    assert states.get("unknown", 0) <= PROCESSES * CONNECTIONS
    assert states["accepted"] + states.get("unknown", 0) == count


@pytest.mark.long
def test_the_whole_tree_stopped_and_another_started_beside_it(stage: Stage, judge: Judge) -> None:
    """A deploy: SIGTERM drains the old workers while the new ones send already."""
    issue_id = stage.issue(2000)
    stage.relay.offer(usual=0.005)
    with growing(stage) as old, growing(stage):
        stage.relay.wait_taken(200)
        assert set(old.stop()) == {0}
        _close(stage, issue_id)
    assert judge(issue_id, "old and new side by side") == {"accepted": 2000}


@pytest.mark.parametrize("loss", every(["killed", "flushed", "out of memory"], often=["flushed"]))
def test_redis_lost_in_mid_send(stage: Stage, judge: Judge, loss: str) -> None:
    issue_id = stage.issue(1500)
    stage.relay.offer(usual=0.005)
    with growing(stage):
        stage.relay.wait_taken(100)
        match loss:
            case "killed":
                stage.redis.kill()
                stage.redis.start()
            case "flushed":
                stage.redis.client().flushall()
            case "out of memory":
                stage.redis.starve()
                before = stage.relay.state()["took"]
                stage.relay.wait_taken(before + 100)  # what was asked for goes on
                stage.redis.feed()
        _close(stage, issue_id)
        later = stage.schedule(stage.newsletter())
        _close(stage, later)
    assert judge(issue_id, "it goes on") == {"accepted": 1500}
    assert judge(later, "it goes on, and the next letter leaves too") == {"accepted": 1500}


@pytest.mark.long
def test_asked_for_ten_times_by_three_dispatchers_and_two_beats(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(1500)
    with growing(stage), growing(stage, "letters", "ticks", "beat"), growing(stage, "letters"):
        stage.relay.wait_taken(1)
        for _ in range(10):
            ask_for_send(stage)
        _close(stage, issue_id)
    assert judge(issue_id, "once each") == {"accepted": 1500}
