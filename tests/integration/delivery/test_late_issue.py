"""An issue that could not leave for half a day asks before it does."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from mailer import tasks
from mailer.core.db import transaction, utcnow
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.monitoring import alarms
from tests.support.desk_client import act
from tests.support.desk_rows import make_issue, make_newsletter
from tests.support.make import make_readers


@pytest.fixture
def scheduled(clean: None) -> UUID:
    with transaction() as db:
        newsletter = make_newsletter(db)
        make_readers(db, newsletter, 2)
        return make_issue(db, newsletter, IssueState.SCHEDULED)


def _due(ago: timedelta) -> None:
    with transaction() as db:
        db.execute(update(Issue).values(due_at=utcnow() - ago))


def _state(issue_id: UUID) -> IssueState:
    with transaction() as db:
        return db.get_one(Issue, issue_id).state


def test_a_little_late_it_leaves(scheduled: UUID) -> None:
    _due(timedelta(hours=11))
    tasks.tick()
    assert _state(scheduled) is IssueState.SENDING


def test_half_a_day_late_a_person_is_asked_and_says_yes(scheduled: UUID, desk: FlaskClient) -> None:
    _due(timedelta(days=9))
    tasks.tick()
    assert _state(scheduled) is IssueState.SCHEDULED
    with transaction() as db:
        assert f"late:{scheduled}" in {each.name for each in alarms.find(db, now=utcnow())}
    page = desk.get(f"/desk/issues/{scheduled}", headers={"Accept-Language": "en"}).text
    assert f"/desk/issues/{scheduled}/send-late" in page
    assert act(desk, scheduled, "send-late").status_code == 303
    tasks.tick()
    assert _state(scheduled) is IssueState.SENDING
