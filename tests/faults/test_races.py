"""Those who change their mind while a letter leaves, and workers who meet."""

import random
import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mailer.delivery.models import Delivery
from mailer.issues import lifecycle
from mailer.issues.models import Issue
from mailer.subscribers.models import Subscriber, Suppression, SuppressionReason
from tests.faults.choice import every
from tests.faults.conftest import Judge
from tests.faults.oracle import GATE, Stop
from tests.faults.points import Point, Then
from tests.faults.stage import Stage
from tests.support.waiting import PATIENCE

READERS = 60
FIRST = 5  # a position that the first claim takes
GATES = ("claim.inside", "claim.committed", "begin.before")


def _erase(stage: Stage, issue_id: UUID, position: int) -> datetime:
    def change(db: Session) -> None:
        row = db.get_one(Delivery, (issue_id, position))
        db.execute(delete(Subscriber).where(Subscriber.id == row.subscriber_id))

    return stage.change(change)


def _suppress(stage: Stage, issue_id: UUID, position: int) -> datetime:
    def change(db: Session) -> None:
        row = db.get_one(Delivery, (issue_id, position))
        person = db.get_one(Subscriber, row.subscriber_id)
        manual = SuppressionReason.MANUAL
        db.add(Suppression(fingerprint=person.fingerprint, reason=manual, at=row.changed_at))

    return stage.change(change)


WAYS: dict[str, Callable[[Stage, UUID, int], datetime]] = {
    "unsubscribed": Stage.unsubscribe, "suppressed": _suppress, "erased": _erase,
}  # fmt: skip


@pytest.mark.parametrize(
    ("how", "name"),
    every(
        [(how, name) for how in WAYS for name in GATES if (how, name) != ("erased", "claim.inside")],
        often=[
            ("unsubscribed", "claim.inside"),
            ("suppressed", "begin.before"),
            ("erased", "claim.committed"),
        ],
    ),
)  # an erasure waits for the claim's commit: it touches the same row
def test_gone_while_a_claim_holds_them(stage: Stage, judge: Judge, how: str, name: str) -> None:
    """The claim took them a moment too soon: what has not begun a second later is claimed again."""
    issue_id = stage.issue(READERS)
    worker = stage.worker(Point(name, Then.WAIT))
    worker.reached()
    email = _email(stage, issue_id, FIRST)
    at = WAYS[how](stage, issue_id, FIRST)
    time.sleep(GATE + 0.1)  # the gate itself
    worker.go()
    assert worker.wait() == 0
    assert judge(issue_id, "withheld", stops=[Stop(at, email)]) == {"accepted": READERS - 1, "withheld": 1}


@pytest.mark.parametrize(
    "name", every(["freeze.inside", "freeze.committed", "claim.before"], often=["freeze.inside"])
)
def test_gone_before_the_claim(stage: Stage, judge: Judge, name: str) -> None:
    newsletter = stage.readers(READERS)
    issue_id = stage.schedule(newsletter)
    worker = stage.worker(Point(name, Then.WAIT))
    worker.reached()
    at = stage.unsubscribe_email("reader7@example.net")
    worker.go()
    assert worker.wait() == 0
    states = judge(issue_id, "withheld", stops=[Stop(at, "reader7@example.net")])
    assert states == {"accepted": READERS - 1, "withheld": 1}


@pytest.mark.parametrize("name", every(GATES, often=["claim.committed"]))
def test_paused_and_resumed(stage: Stage, judge: Judge, name: str) -> None:
    issue_id = stage.issue(READERS)
    worker = stage.worker(Point(name, Then.WAIT))
    worker.reached()
    paused = stage.move(issue_id, lifecycle.pause)
    time.sleep(GATE + 0.1)
    worker.go()
    time.sleep(1)  # it has its time to do wrong
    assert stage.states(issue_id) == {"pending": READERS}
    resumed = stage.move(issue_id, lifecycle.resume)
    assert worker.wait() == 0
    assert judge(issue_id, "held, then sent", stops=[Stop(paused, until=resumed)]) == {"accepted": READERS}


@pytest.mark.parametrize("name", every(GATES, often=["claim.committed"]))
def test_cancelled(stage: Stage, judge: Judge, name: str) -> None:
    issue_id = stage.issue(READERS)
    worker = stage.worker(Point(name, Then.WAIT))
    worker.reached()
    at = stage.move(issue_id, lifecycle.cancel)
    time.sleep(GATE + 0.1)
    worker.go()
    assert worker.wait() == 0
    assert judge(issue_id, "all withheld", stops=[Stop(at)]) == {"withheld": READERS}


def test_everybody_at_once(stage: Stage, judge: Judge) -> None:
    """Two workers and a slow relay, while people leave, staff pause and resume, and at last cancel."""
    issue_id = stage.issue(1200)
    stage.relay.offer(usual=0.05)
    workers = [stage.worker(), stage.worker()]
    stage.relay.wait_taken(20)
    chance = random.Random(20)  # noqa: S311 -- the same readers at each run
    stops = []
    for position in chance.sample(range(1, 1200), 15):
        email = _email(stage, issue_id, position)
        stops.append(Stop(stage.unsubscribe(issue_id, position), email))
    for _ in range(2):
        paused = stage.move(issue_id, lifecycle.pause)
        time.sleep(0.7)
        stops.append(Stop(paused, until=stage.move(issue_id, lifecycle.resume)))
        time.sleep(0.3)
    stops.append(Stop(stage.move(issue_id, lifecycle.cancel)))
    assert [worker.wait() for worker in workers] == [0, 0]
    states = judge(issue_id, "15 gone, 2 pauses, cancelled", stops=stops)
    assert states["withheld"] > 0


# -- workers who meet ----------------------------------------------------------


def test_two_beats_and_three_dispatchers(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(600)
    calm = {"mailer.delivery.ledger:SILENT_AFTER": PATIENCE}  # a worker that is slowed down is not silent
    workers = [stage.worker(constants=calm) for _ in range(4)]
    assert [worker.wait() for worker in workers] == [0, 0, 0, 0]
    assert judge(issue_id, "four workers that each tick, sweep and send") == {"accepted": 600}


@pytest.mark.parametrize("name", every(["freeze.before", "freeze.inside"], often=["freeze.inside"]))
def test_two_freezes_at_once(stage: Stage, judge: Judge, name: str) -> None:
    issue_id = stage.issue(READERS)
    first = stage.worker(Point(name, Then.WAIT))
    first.reached()
    second = stage.worker(seconds=2)
    second.wait()
    first.go()
    assert first.wait() == 0
    assert judge(issue_id, "frozen once") == {"accepted": READERS}


def test_an_edit_during_the_send_does_not_touch_what_leaves(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(READERS)
    worker = stage.worker(Point("claim.committed", Then.WAIT, 2))
    worker.reached()
    stage.move(issue_id, _edit)
    worker.go()
    assert worker.wait() == 0
    assert judge(issue_id, "the approved revision, for all") == {"accepted": READERS}


def _edit(db: Session, issue: Issue) -> None:
    issue.content = {"subject": "Something else"}


def _email(stage: Stage, issue_id: UUID, position: int) -> str:
    with stage.transaction() as db:
        whom = select(Subscriber.email).join(Delivery, Delivery.subscriber_id == Subscriber.id)
        return db.scalars(whom.where(Delivery.issue_id == issue_id, Delivery.position == position)).one()
