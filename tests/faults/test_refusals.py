"""A relay that refuses us, not somebody: nothing is final before a person has judged."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.circuit import Hold
from mailer.core.db import utcnow
from mailer.delivery import refusals
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from tests.faults.choice import every
from tests.faults.conftest import Judge
from tests.faults.script import At, Do, Rule
from tests.faults.stage import Stage
from tests.support.waiting import until

READERS = 60
EIGHT = 8


def _decide(decision: Callable[..., int]) -> Callable[[Session, Issue], None]:
    def act(db: Session, issue: Issue) -> None:
        decision(db, issue, by="terminal", now=utcnow())

    return act


def _asked(stage: Stage, issue_id: UUID) -> str:
    """Wait until the issue is paused and a person asked; why."""
    until(lambda: _issue(stage, issue_id).state is IssueState.PAUSED, "the issue was not paused")
    until(lambda: "refused" in stage.alarms(), "nobody was asked")
    return _issue(stage, issue_id).paused_for or ""


def _issue(stage: Stage, issue_id: UUID) -> Issue:
    with stage.transaction() as db:
        return db.get_one(Issue, issue_id)


@pytest.mark.parametrize(
    ("at", "say", "readers"),
    every(
        [
            (At.MAIL, "530 5.7.0 authenticate first", READERS),
            (At.MAIL, "553 5.7.1 sender address rejected: not owned by user", READERS),
            (At.RCPT, "554 5.7.1 relay access denied", READERS),
            (At.RCPT, "550 5.1.1 no", READERS),
            (At.DATA, "554 transaction failed", READERS),
            (At.DOT, "554 5.6.0 message refused, id 4FgH{}", READERS),
            (At.MAIL, "501 5.1.7 bad sender", EIGHT),
            (At.RCPT, "550 5.1.1 no", EIGHT),
            (At.DOT, "552 5.3.4 too big", EIGHT),
        ],
        often=[
            (At.MAIL, "530 5.7.0 authenticate first", READERS),
            (At.DOT, "554 5.6.0 message refused, id 4FgH{}", READERS),
            (At.RCPT, "550 5.1.1 no", EIGHT),
        ],
    ),
)
def test_everybody_refused(stage: Stage, judge: Judge, at: At, say: str, readers: int) -> None:
    """Tried again once its cause is mended: everybody has their letter."""
    issue_id = stage.issue(readers)
    stage.relay.script(Rule(at, Do.SAY, say))
    worker = stage.worker()
    assert say.partition(" ")[0] in _asked(stage, issue_id)
    until(lambda: stage.states(issue_id)["handed"] == 0, "what was in flight did not end")
    states = judge(issue_id, "paused, a person asked", settled=False)
    assert set(states) <= {"pending", "deferred"}
    stage.relay.script()
    stage.move(issue_id, _decide(refusals.retry))
    assert worker.wait() == 0
    assert judge(issue_id, "paused, a person asked; then all leave") == {"accepted": readers}


def test_everybody_refused_and_taken_as_it_is(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(At.RCPT, Do.SAY, "554 5.7.1 relay access denied"))
    worker = stage.worker()
    _asked(stage, issue_id)
    stage.move(issue_id, _decide(refusals.take))
    assert worker.wait() == 0
    assert judge(issue_id, "a person asked, who took it as it is") == {"refused": READERS}


def test_some_refused_for_reasons_that_may_be_ours(stage: Stage, judge: Judge) -> None:
    """The others have their letter; then a person is asked about these few."""
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(At.RCPT, Do.SAY, "550 5.7.1 rejected by policy", to="reader1[0-4]@"))
    worker = stage.worker()
    assert "550 5.7.1 rejected by policy" in _asked(stage, issue_id)
    assert judge(issue_id, "a person asked") == {"accepted": READERS - 5, "deferred": 5}
    stage.move(issue_id, _decide(refusals.take))
    assert worker.wait() == 0
    assert judge(issue_id, "a person asked about these") == {"accepted": READERS - 5, "refused": 5}


def test_nobody_is_asked_about_people_who_are_gone(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(At.RCPT, Do.SAY, "550 5.1.1 no such user", to="reader1[0-4]@"))
    assert stage.worker().wait() == 0
    assert judge(issue_id, "refused for good") == {"accepted": READERS - 5, "refused": 5}
    assert stage.alarms() == set()


def test_one_provider_alone(stage: Stage, judge: Judge, tmp_path: Path) -> None:
    """It pauses, and not the issue."""
    table = tmp_path / "providers.yaml"
    table.write_text("town: {domains: [example.com, example.net]}\n")
    issue_id = stage.issue(4 * READERS)
    stage.relay.script(Rule(At.RCPT, Do.SAY, "550 5.7.1 blocked, see 4FgH-{}", to="example.(com|net)"))
    worker = stage.worker(env={"MAILER_PROVIDERS": str(table)})
    until(lambda: stage.states(issue_id)["accepted"] == 2 * READERS, "the others did not leave")
    until(lambda: "refused" in stage.alarms(), "nobody was asked")
    with stage.transaction() as db:
        assert "town" in set(db.scalars(select(Hold.name)))
    assert _issue(stage, issue_id).state is IssueState.SENDING
    states = judge(issue_id, "that provider pauses, a person is asked", settled=False)
    assert states["pending"] > READERS
    assert not states.get("refused")
    stage.relay.script()
    stage.move(issue_id, _decide(refusals.retry))
    assert worker.wait() == 0
    assert judge(issue_id, "that provider pauses; then all leave") == {"accepted": 4 * READERS}


def test_a_letter_bigger_than_the_relay_says_it_takes(stage: Stage, judge: Judge) -> None:
    """Nobody's message is tried; taken as it is, everybody's is refused."""
    issue_id = stage.issue(6, weight=300_000)
    stage.relay.offer(size=100_000)
    worker = stage.worker()
    assert "the relay takes 100 kB" in _asked(stage, issue_id)
    assert judge(issue_id, "paused before the first message, a person asked") == {"pending": 6}
    stage.relay.offer(size=10_000_000)
    stage.move(issue_id, _decide(refusals.retry))
    stage.relay.hang_up()  # what it takes, it says when it greets
    assert worker.wait() == 0
    assert judge(issue_id, "paused before the first message; then all leave") == {"accepted": 6}
