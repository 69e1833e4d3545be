"""Limits of a connection are no faults of a person: nobody is charged, the limit is learnt and kept to."""

from uuid import UUID

import pytest
from sqlalchemy import select

from mailer.core.circuit import Hold
from mailer.delivery.models import Delivery
from tests.faults.choice import every
from tests.faults.conftest import Judge
from tests.faults.script import At, Do, Rule
from tests.faults.stage import CONNECTIONS, Stage

READERS = 60
LEARNING = 3 * CONNECTIONS  # connections that may meet the limit before it is kept to


@pytest.mark.parametrize(
    ("at", "say", "limit"),
    every(
        [
            (At.RCPT, "452 4.5.3 Too many recipients", 3),
            (At.MAIL, "452 4.5.3 Too many messages in this session", 3),
            (At.RCPT, "451 too many messages on this connection, try again", 3),
            (At.MAIL, "421 4.7.0 enough", 10),
            (At.MAIL, "421 too many messages in this connection", 1),
        ],
        often=[(At.RCPT, "452 4.5.3 Too many recipients", 3), (At.MAIL, "421 4.7.0 enough", 10)],
    ),
)
def test_said(stage: Stage, judge: Judge, at: At, say: str, limit: int) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(at, Do.SAY, say, after=limit))
    assert stage.worker().wait() == 0
    assert judge(issue_id, "learnt, charged to nobody") == {"accepted": READERS}
    _charged_to_nobody(stage, issue_id)
    assert stage.relay.state()["applied"] <= LEARNING


@pytest.mark.parametrize("limit", every([1, 2, 7], often=[1]))
def test_closed(stage: Stage, judge: Judge, limit: int) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.offer(closes_after=limit)
    assert stage.worker().wait() == 0
    assert judge(issue_id, "learnt, charged to nobody") == {"accepted": READERS}
    _charged_to_nobody(stage, issue_id)
    with stage.transaction() as db:
        rows = db.scalars(select(Delivery.faults).where(Delivery.issue_id == issue_id))
    assert sum(rows) <= LEARNING


def test_the_first_message_too(stage: Stage, judge: Judge) -> None:
    """ProviderReplies on a new connection, it is about the person, or the day: they wait, as for any 4xx."""
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(At.RCPT, Do.SAY, "452 4.5.3 Too many recipients", to="reader7@"))
    stage.worker(seconds=3).wait()
    states = judge(issue_id, "a limit that is none: deferred")
    assert states == {"accepted": READERS - 1, "deferred": 1}


def _charged_to_nobody(stage: Stage, issue_id: UUID) -> None:
    with stage.transaction() as db:
        attempts = set(db.scalars(select(Delivery.attempts).where(Delivery.issue_id == issue_id)))
        assert attempts == {1}
        assert db.scalars(select(Hold)).all() == []
