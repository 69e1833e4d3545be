"""A relay that is only slow: it gets every message, and nobody who may not be written to any more."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mailer.core.db import utcnow
from mailer.delivery.models import Delivery
from mailer.issues import lifecycle
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import subscribers, subscriptions
from mailer.subscribers.models import Subscriber, Subscription
from tests.faults.choice import every
from tests.faults.conftest import Judge
from tests.faults.copies import End
from tests.faults.oracle import GATE, Stop
from tests.faults.script import At, Do, Rule
from tests.faults.stage import CONNECTIONS, Stage
from tests.support.waiting import until

READERS = 12
LONG = 1.3  # seconds: more than the gate's
PHASES = (At.MAIL, At.RCPT, At.DATA, At.DOT)
NEW_ADDRESS = "moved@example.org"


@pytest.mark.parametrize(
    ("where", "seconds"),
    every(
        [((at,), LONG) for at in PHASES] + [(PHASES, 0.3), (PHASES, 0.6)],
        often=[((At.RCPT,), LONG), ((At.DOT,), LONG)],
    ),
)
def test_slow_to_answer(stage: Stage, judge: Judge, where: tuple[At, ...], seconds: float) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(*(Rule(at, Do.LATE, seconds=seconds) for at in where))
    assert stage.worker().wait() == 0
    assert judge(issue_id, "slow, and nobody hung up") == {"accepted": READERS}
    _nobody_hung_up(stage, issue_id)


def test_slow_to_read(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(READERS, weight=100_000)
    stage.relay.offer(reads=64_000)
    assert stage.worker().wait() == 0
    assert judge(issue_id, "64 KB/s, and nobody hung up") == {"accepted": READERS}
    _nobody_hung_up(stage, issue_id)


def test_slow_to_greet(stage: Stage, judge: Judge) -> None:
    """The connection has its time, and each reply another."""
    issue_id = stage.issue(READERS)
    stage.relay.script(*(Rule(at, Do.LATE, seconds=LONG) for at in (At.BANNER, At.EHLO)))
    assert stage.worker(constants={"mailer.smtp.relay:CONNECT_TIMEOUT": 0.6}).wait() == 0
    assert judge(issue_id, "slow to greet, and nobody hung up") == {"accepted": READERS}
    _nobody_hung_up(stage, issue_id)


def _nobody_hung_up(stage: Stage, issue_id: UUID) -> None:
    """Every connection there was stayed; no row was cut, or in another's way."""
    assert stage.relay.state()["connections"] <= CONNECTIONS
    with stage.transaction() as db:
        rows = db.scalars(select(Delivery).where(Delivery.issue_id == issue_id)).all()
    assert {(row.attempts, row.faults) for row in rows} == {(1, 0)}


# -- the gate, looked at again --------------------------------------------------


@dataclass(frozen=True)
class Act:
    """What somebody does while their message waits for a slow relay, and what becomes of everybody."""

    do: Callable[[Stage, UUID, int], datetime]
    ends: dict[str, int]  # the states at last, of READERS
    to_all: bool = False
    then: Callable[[Stage, UUID], datetime] | None = None  # done once nothing moves any more


def _person(db: Session, issue_id: UUID, position: int) -> Subscriber:
    return db.get_one(Subscriber, db.get_one(Delivery, (issue_id, position)).subscriber_id)


def _erase(stage: Stage, issue_id: UUID, position: int) -> datetime:
    def change(db: Session) -> None:
        db.execute(delete(Subscriber).where(Subscriber.id == _person(db, issue_id, position).id))

    return stage.change(change)


def _restrict(stage: Stage, issue_id: UUID, position: int) -> datetime:
    def change(db: Session) -> None:
        person = _person(db, issue_id, position)
        person.restricted_at = person.created_at

    return stage.change(change)


def _move(stage: Stage, issue_id: UUID, position: int) -> datetime:
    def change(db: Session) -> None:
        subscribers.move(
            db, _person(db, issue_id, position), NEW_ADDRESS, channel="rectification", now=utcnow()
        )

    return stage.change(change)


def _agree_anew(stage: Stage, issue_id: UUID, position: int) -> datetime:
    def change(db: Session) -> None:
        person = _person(db, issue_id, position)
        subscription = db.scalars(
            select(Subscription).where(Subscription.subscriber_id == person.id)
        ).one()  # fmt: skip
        subscriptions.reaffirm(db, subscription, person, wording=None, now=person.created_at)

    return stage.change(change)


def _pause(stage: Stage, issue_id: UUID, _: int) -> datetime:
    return stage.move(issue_id, lifecycle.pause)


def _resume(stage: Stage, issue_id: UUID) -> datetime:
    return stage.move(issue_id, lifecycle.resume)


def _cancel(stage: Stage, issue_id: UUID, _: int) -> datetime:
    return stage.move(issue_id, lifecycle.cancel)


ALL, BUT_ONE = {"accepted": READERS}, {"accepted": READERS - 1, "withheld": 1}
ACTS = {
    "unsubscribed": Act(Stage.unsubscribe, BUT_ONE),
    "erased": Act(_erase, BUT_ONE),
    "restricted": Act(_restrict, BUT_ONE),
    "moved": Act(_move, ALL),
    "agreed anew": Act(_agree_anew, ALL),
    "paused": Act(_pause, ALL, to_all=True, then=_resume),
    "cancelled": Act(_cancel, {}, to_all=True),
}


@pytest.mark.parametrize(
    ("how", "at"),
    every(
        [(how, at) for how in ACTS for at in PHASES],
        often=[
            ("unsubscribed", At.RCPT), ("erased", At.DATA), ("restricted", At.MAIL), ("moved", At.DOT),
            ("agreed anew", At.RCPT), ("paused", At.DATA), ("cancelled", At.MAIL),
        ],
    ),
)  # fmt: skip
def test_another_mind_while_the_relay_thinks(stage: Stage, judge: Judge, how: str, at: At) -> None:
    """The claim took them, the relay is slow to let the body begin: what counts is what is so by then.

    At the dot it is the message announced behind the body that waits.
    """
    act = ACTS[how]
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(at, Do.LATE, seconds=2 * LONG))
    worker = stage.worker()
    until(lambda: stage.relay.state()["applied"] > 0, "the relay was not slow")
    whom = _waiting(stage, issue_id)
    before = _row(stage, issue_id, whom)
    email = _email(stage, issue_id, whom)
    stopped = act.do(stage, issue_id, whom)
    stops = [] if how == "agreed anew" else [Stop(stopped, None if act.to_all else email)]
    if act.then:
        until(lambda: stage.states(issue_id)["handed"] == 0, "what was in flight did not end")
        stops = [Stop(stopped, until=act.then(stage, issue_id))]
    stage.relay.script()
    assert worker.wait() == 0
    states = judge(issue_id, how, stops=stops)
    assert states == act.ends or (how == "cancelled" and states["withheld"] >= READERS - CONNECTIONS)
    row = _row(stage, issue_id, whom)
    if how == "agreed anew":
        assert row.state is DeliveryState.ACCEPTED
        assert row.consent_id != before.consent_id
    if how == "moved":
        [copy] = [each for each in stage.relay.taken() if each.to in {email, NEW_ADDRESS}]
        assert (
            copy.to == NEW_ADDRESS or copy.began < stopped.timestamp() + GATE
        )  # a machine that took its time


def test_many_minds(stage: Stage, judge: Judge) -> None:
    """Everybody at any time, at any phase of connections that are slow in each."""
    readers = 60
    issue_id = stage.issue(readers)
    stage.relay.script(*(Rule(at, Do.LATE, seconds=0.7, odds=0.3) for at in PHASES), seed=5)
    worker = stage.worker()
    stage.relay.wait_taken(2)
    chance, stops = random.Random(12), []  # noqa: S311 -- the same readers at each run
    for position in chance.sample(range(1, readers), 24):
        email = _email(stage, issue_id, position)
        how = chance.choice(["unsubscribed", "erased", "restricted"])
        stops.append(Stop(ACTS[how].do(stage, issue_id, position), email))
        time.sleep(chance.uniform(0, 0.4))
    assert worker.wait() == 0
    states = judge(issue_id, "24 people gone meanwhile", stops=stops)
    assert set(states) == {"accepted", "withheld"}
    assert {arrival.size for arrival in stage.relay.arrivals() if arrival.end is End.CUT} <= {0}


def _waiting(stage: Stage, issue_id: UUID) -> int:
    """Somebody whose message is announced and has not begun: the last to be taken up."""
    with stage.transaction() as db:
        begun = {arrival.to for arrival in stage.relay.arrivals()}
        whom = select(Delivery.position, Subscriber.email).join(Subscriber)
        rows = db.execute(whom.where(Delivery.issue_id == issue_id).order_by(Delivery.position)).all()
    return next(int(row.position) for row in rows if row.email not in begun)


def _row(stage: Stage, issue_id: UUID, position: int) -> Delivery:
    with stage.transaction() as db:
        return db.get_one(Delivery, (issue_id, position))


def _email(stage: Stage, issue_id: UUID, position: int) -> str:
    with stage.transaction() as db:
        return _person(db, issue_id, position).email
