"""Refusals that may be about us: asked about, tried again, or taken as they are."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from mailer.cli import cli
from mailer.core.after_commit import Task
from mailer.core.db import transaction, utcnow
from mailer.delivery import audience, ledger, refusals
from mailer.delivery.breaker import Trip
from mailer.delivery.models import Delivery
from mailer.issues import lifecycle
from mailer.issues.models import Issue
from mailer.issues.state_machine import ForbiddenMove, IssueState
from mailer.monitoring import alarms
from mailer.smtp.replies import DeliveryState, reply, wording
from tests.support.make import EPOCH, make_newsletter, make_readers, make_scheduled_issue

NO = reply(554, b"5.0.0 no, id 4FgH3")
OTHERWISE = "no such user"


@pytest.fixture
def issue(clean: None) -> Issue:
    """Leaving, to ten people."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        make_readers(db, newsletter, 10)
        made = make_scheduled_issue(db, newsletter)
        assert audience.freeze(db, made.id, now=EPOCH)
    return made


def _become(state: DeliveryState, *positions: int, text: str = NO.text) -> None:
    with transaction() as db:
        values = {"state": state, "code": 554, "enhanced": "5.0.0", "reply": text, "first_tried": EPOCH}
        db.execute(update(Delivery).where(Delivery.position.in_(positions)).values(values))


def _states(issue_id: UUID) -> dict[int, str]:
    with transaction() as db:
        mine = select(Delivery.position, Delivery.state).where(Delivery.issue_id == issue_id)
        return {row.position: row.state.value for row in db.execute(mine.order_by(Delivery.position))}


def _now(issue: Issue) -> Issue:
    with transaction() as db:
        return db.get_one(Issue, issue.id)


def _kinds() -> set[str]:
    with transaction() as db:
        return {found.kind for found in alarms.find(db, now=utcnow())}


def _close() -> list[UUID]:
    with transaction() as db:
        refusals.ask(db, now=utcnow())
        return ledger.close_finished(db, now=utcnow())


def test_what_was_refused_in_the_same_words_is_not_final_any_more(issue: Issue) -> None:
    _become(DeliveryState.REFUSED, 1, 2, 3)
    _become(DeliveryState.REFUSED, 4, text=OTHERWISE)
    with transaction() as db:
        refusals.suspect(db, issue.id, Trip(None, wording(NO), "554 5.0.0 no"), now=utcnow())
    states = _states(issue.id)
    assert [states[n] for n in (1, 2, 3, 4, 5)] == ["deferred"] * 3 + ["refused", "pending"]
    assert (_now(issue).state, _now(issue).paused_for) == (IssueState.PAUSED, "554 5.0.0 no")
    assert "refused" in _kinds()


@pytest.mark.parametrize("choice", [refusals.retry, refusals.take])
def test_a_choice_has_a_worker_look_at_once(
    issue: Issue, asked_for: list[Task], choice: Callable[..., int]
) -> None:
    """Also about an issue that is leaving all the while."""
    _become(DeliveryState.DEFERRED, 1)
    with transaction() as db:
        choice(db, db.merge(issue), by="terminal", now=utcnow())
    assert asked_for == [Task.TICK]


def test_an_issue_does_not_close_before_the_choice(issue: Issue) -> None:
    _become(DeliveryState.ACCEPTED, *range(1, 9))
    _become(DeliveryState.DEFERRED, 9, 10)
    assert _close() == []
    assert _now(issue).state is IssueState.PAUSED
    with transaction() as db:
        assert refusals.take(db, db.merge(issue), by="terminal", now=utcnow()) == 2
        assert refusals.accepted_wordings(db, issue.id) == {wording(NO)}
    assert "refused" not in _kinds()
    assert _close() == [issue.id]
    assert list(_states(issue.id).values()) == ["accepted"] * 8 + ["refused"] * 2


def test_everybody_refused_in_one_wording_is_asked_about_and_then_taken(issue: Issue) -> None:
    _become(DeliveryState.REFUSED, *range(1, 10))
    _become(DeliveryState.REFUSED, 10, text="no, id 99")
    assert _close() == []
    assert set(_states(issue.id).values()) == {"deferred"}
    with transaction() as db:
        refusals.take(db, db.merge(issue), by="terminal", now=utcnow())
    assert _close() == [issue.id]


def test_everybody_gone_for_reasons_of_their_own_is_no_question(issue: Issue) -> None:
    _become(DeliveryState.REFUSED, *range(1, 10))
    _become(DeliveryState.REFUSED, 10, text=OTHERWISE)
    assert _close() == [issue.id]


def test_tried_again_they_are_due_and_their_72_hours_begin_anew(issue: Issue) -> None:
    _become(DeliveryState.DEFERRED, 1, 2)
    now = utcnow()
    with transaction() as db:
        refusals.pause(db, issue.id, "554 5.0.0 no")
    with transaction() as db:
        assert refusals.retry(db, db.get_one(Issue, issue.id), by="terminal", now=now) == 2
    with transaction() as db:
        row = db.get_one(Delivery, (issue.id, 1))
        assert (row.state, row.due_at, row.first_tried, row.code) == (DeliveryState.PENDING, now, None, None)
    assert (_now(issue).state, _now(issue).paused_for) == (IssueState.SENDING, None)
    with pytest.raises(ForbiddenMove), transaction() as db:
        refusals.retry(db, db.get_one(Issue, issue.id), by="terminal", now=now)


def test_whom_staff_paused_for_their_own_reasons_stays_paused(issue: Issue) -> None:
    _become(DeliveryState.DEFERRED, 1)
    with transaction() as db:
        found = db.get_one(Issue, issue.id)
        lifecycle.pause(db, found)
        assert refusals.take(db, found, by="terminal", now=utcnow()) == 1
    assert _now(issue).state is IssueState.PAUSED


@pytest.mark.parametrize(("choice", "left"), [("--retry", "pending"), ("--take", "refused")])
def test_the_terminal_shows_and_decides(issue: Issue, choice: str, left: str) -> None:
    _become(DeliveryState.DEFERRED, 1, 2)
    shown = _terminal(issue)
    assert (shown["state"], shown["refused"]) == ("sending", 2)
    assert shown["reason"].startswith("the server refuses the email (exact reply: 554 5.0.0 no")
    decided = _terminal(issue, choice)
    assert (decided[choice.strip("-")], decided["refused"], decided["reason"]) == (2, 0, None)
    assert list(_states(issue.id).values())[:2] == [left, left]


def _terminal(issue: Issue, *words: str) -> dict[str, Any]:
    done = CliRunner().invoke(cli, ["issue", "refusals", str(issue.id), *words, "--json"])
    assert done.exit_code == 0, done.output
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts
