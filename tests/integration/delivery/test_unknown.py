"""Unknown deliveries: proved, left, or sent again, and never without somebody's choice."""

from uuid import UUID

import pytest
from sqlalchemy import select, update

from mailer.core import circuit, tokens
from mailer.core.after_commit import Task
from mailer.core.db import transaction, utcnow
from mailer.core.tokens import Purpose
from mailer.delivery import audience, ledger, unknown
from mailer.delivery.certificate import certify
from mailer.delivery.models import Delivery
from mailer.issues.models import Issue
from mailer.issues.state_machine import ForbiddenMove, IssueState
from mailer.monitoring import alarms
from mailer.smtp.replies import DeliveryState
from tests.support.make import EPOCH, make_newsletter, make_readers, make_scheduled_issue


@pytest.fixture
def issue(clean: None) -> Issue:
    """Closed; of its ten deliveries four are unknown."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        make_readers(db, newsletter, 10)
        made = make_scheduled_issue(db, newsletter)
        assert audience.freeze(db, made.id, now=EPOCH)
        db.execute(update(Delivery).values(state=DeliveryState.ACCEPTED))
        db.execute(update(Delivery).where(Delivery.position <= 4).values(state=DeliveryState.UNKNOWN))
        assert ledger.close_finished(db, now=utcnow()) == [made.id]
    return made


def _states(issue_id: UUID) -> dict[int, str]:
    with transaction() as db:
        rows = db.execute(select(Delivery.position, Delivery.state).where(Delivery.issue_id == issue_id))
        return {position: state.value for position, state in rows}


def _kinds() -> set[str]:
    with transaction() as db:
        return {found.kind for found in alarms.find(db, now=utcnow())}


def test_left_alone_they_stay_and_alarm_no_more(issue: Issue) -> None:
    assert "unknown" in _kinds()
    with transaction() as db:
        assert unknown.leave(db, db.merge(issue), by="terminal", now=utcnow()) == 4
    assert "unknown" not in _kinds()
    assert list(_states(issue.id).values()).count("unknown") == 4


def test_the_relay_s_log_proves_some(issue: Issue) -> None:
    assert issue.send_id
    ours = f"<{tokens.issue_delivery(Purpose.MESSAGE_ID, issue.send_id, 2)}@bounces.example.org>"
    with transaction() as db:
        proved = unknown.prove(
            db, db.merge(issue), ["<other@example.com>", ours], by="terminal", now=utcnow()
        )
        certificate = certify(db, issue.id)
    assert proved == certificate.proved == 1
    assert _states(issue.id)[2] == "accepted"
    assert (certificate.accepted, certificate.unknown) == (7, 3)


def test_sent_again_by_choice_the_issue_leaves_for_them_alone(issue: Issue, asked_for: list[Task]) -> None:
    with transaction() as db:
        assert unknown.resend(db, db.merge(issue), by="terminal", now=utcnow()) == 4
        assert db.get_one(Issue, issue.id).state is IssueState.SENDING
    assert asked_for == [Task.TICK]
    assert sorted(p for p, state in _states(issue.id).items() if state == "pending") == [1, 2, 3, 4]
    with transaction() as db:
        db.execute(update(Delivery).values(state=DeliveryState.ACCEPTED))
        assert ledger.close_finished(db, now=utcnow()) == [issue.id]
        assert certify(db, issue.id).resent == 4


def test_a_cancelled_issue_sends_nothing_again(issue: Issue) -> None:
    with transaction() as db:
        db.execute(update(Issue).values(state=IssueState.CANCELLED, closed_at=None))
        mine = db.get_one(Issue, issue.id)
        with pytest.raises(ForbiddenMove):
            unknown.resend(db, mine, by="terminal", now=utcnow())
    assert "pending" not in _states(issue.id).values()


def test_a_hold_grows_once_a_period_and_alarms_in_time(clean: None) -> None:
    def hit(after: float) -> None:
        with transaction() as db:
            circuit.hit(
                db, circuit.RELAY, "down <zoe@example.org>", now=EPOCH + circuit.period("relay", 1) * after
            )

    for after in (0, 0.5, 1, 1.5):
        hit(after)
    with transaction() as db:
        (hold,) = circuit.known(db).values()
        assert hold.failures == 2
        assert "zoe" not in hold.reason
        assert circuit.standing(db, [circuit.RELAY], now=EPOCH + circuit.period("relay", 1))
        early = alarms.find(db, now=EPOCH + alarms.ALARM_AFTER[circuit.RELAY] / 2)
        late = alarms.find(db, now=EPOCH + alarms.ALARM_AFTER[circuit.RELAY])
        assert "relay" not in {found.kind for found in early}
        assert "relay" in {found.kind for found in late}
        circuit.clear(db, circuit.RELAY)
        assert circuit.known(db) == {}
