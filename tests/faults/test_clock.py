"""Clocks that jump, differ, or change their hour."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from mailer.core.db import utcnow
from mailer.delivery.models import Delivery
from mailer.rendering import local_time
from mailer.smtp.replies import DeliveryState
from tests.faults.choice import every
from tests.faults.conftest import Judge
from tests.faults.points import Point, Then
from tests.faults.script import At, Do, Rule
from tests.faults.stage import Stage
from tests.support.waiting import PATIENCE, until

READERS = 60
HOUR, DAY = 3600.0, 86_400.0  # seconds
PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize("jump", every([-1.5, -2 * HOUR, HOUR], often=[-2 * HOUR]))
def test_it_jumps_in_mid_send(stage: Stage, judge: Judge, jump: float) -> None:
    issue_id = stage.issue(READERS)
    assert stage.worker(Point("record.committed", Then.KILL, 2)).wait() == -9
    assert stage.worker(skew=jump).wait() == 0
    states = judge(issue_id, f"{jump:+.0f} s")
    assert states["accepted"] + states.get("unknown", 0) == READERS


def test_two_hosts_an_hour_apart(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(400)
    stage.relay.offer(usual=0.01)
    calm = {"mailer.delivery.ledger:SILENT_AFTER": PATIENCE}  # a worker that is slowed down is not silent
    workers = [stage.worker(constants=calm), stage.worker(constants=calm, skew=HOUR)]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert judge(issue_id, "neither takes the other for dead") == {"accepted": 400}


@pytest.mark.parametrize(("later", "ends"), [(HOUR, "accepted"), (4 * DAY, "refused")])
def test_a_retry_after_a_long_night(stage: Stage, judge: Judge, later: float, ends: str) -> None:
    """What was deferred is tried again; what still is not taken after 72 hours is refused as it stands."""
    issue_id = stage.issue(READERS)
    times = 1 if ends == "accepted" else None
    stage.relay.script(Rule(At.RCPT, Do.SAY, "450 4.2.0 later", to="reader7@", times=times))
    first = stage.worker()
    until(lambda: stage.states(issue_id) == {"accepted": READERS - 1, "deferred": 1}, "nobody was deferred")
    first.kill()
    assert stage.worker(later=later).wait() == 0
    judge(issue_id, ends)
    assert {row.state for row in _rows(stage, issue_id) if row.code != 250} <= {DeliveryState(ends)}
    assert max(row.attempts for row in _rows(stage, issue_id)) == 2


CHANGES = [
    ("2027-03-28 01:59", None),
    ("2027-03-28 03:00", None),
    ("2027-10-31 02:30", 0),
    ("2027-10-31 02:30", 1),
]


@pytest.mark.parametrize(("local", "fold"), every(CHANGES, often=CHANGES[3:]))
def test_around_a_change_of_hour(stage: Stage, judge: Judge, local: str, fold: int | None) -> None:
    due = local_time.parse_local(local, PARIS, fold)
    issue_id = stage.schedule(stage.readers(READERS), due=due)
    worker = stage.worker(later=_until(due) - 1.0)
    assert worker.wait() == 0
    assert judge(issue_id, "leaves once, when it is time") == {"accepted": READERS}
    assert 0 <= (_started(stage, issue_id) - due).total_seconds() < PATIENCE


def _until(at: datetime) -> float:
    return (at - utcnow()).total_seconds()


def _rows(stage: Stage, issue_id: UUID) -> list[Delivery]:
    with stage.transaction() as db:
        return list(db.scalars(select(Delivery).where(Delivery.issue_id == issue_id)))


def _started(stage: Stage, issue_id: UUID) -> datetime:
    return min(row.first_tried for row in _rows(stage, issue_id) if row.first_tried)
