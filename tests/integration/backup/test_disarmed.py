"""A restored service, until the privacy log was replayed: nothing about people, and nothing leaves."""

from datetime import timedelta
from uuid import UUID

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import delete, func, select

from mailer import tasks
from mailer.cli import cli
from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.heartbeats import Heartbeat
from mailer.core.restore_lock import Restoration
from mailer.core.settings import Settings
from mailer.core.tokens import Purpose
from mailer.delivery import audience, load_issue
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.monitoring import alarms
from mailer.notices import outbox
from mailer.notices.models import Notice
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import subscriptions
from mailer.subscribers.models import SignupRequest, Subscription, SubscriptionState
from mailer.web import maintenance
from tests.support.make import EPOCH, ask, make_newsletter, make_pending, make_readers, make_scheduled_issue
from tests.support.notices import send_due

SERVED = ["/", "/privacy", "/legal", "/rights", "/accessibility", "/lettre/archive", "/healthz"]
CLOSED = ["/lettre/", "/preferences", "/login", "/desk/"]


@pytest.fixture
def token(clean: None) -> str:
    """A way out, of somebody who is subscribed, in a service that was just restored."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        pending = make_pending(db, newsletter, now=EPOCH)
        subscriptions.confirm(db, pending.id, now=EPOCH)
        token = tokens.issue(Purpose.LEAVE, (str(pending.id), newsletter.slug))
        db.execute(delete(Restoration))
    return token


def test_pages_about_people_wait_and_the_others_are_served(app: Flask, token: str) -> None:
    client = app.test_client()
    for path in CLOSED:
        answer = client.get(path)
        assert (path, answer.status_code) == (path, 503)
        assert "Nous revenons bientôt" in answer.text
        assert answer.headers["Retry-After"]
    assert "We will be back soon" in client.get("/lettre/", headers={"Accept-Language": "en"}).text
    assert {path for path in SERVED if client.get(path).status_code == 503} == set()


def test_every_door_but_four_is_closed(app: Flask, token: str) -> None:
    """A blueprint that is added later is closed too."""
    rooms = {rule.endpoint.partition(".")[0] for rule in app.url_map.iter_rules()}
    assert rooms - maintenance.ALWAYS >= {"public", "links", "preferences", "login", "desk"}


def test_a_way_out_changes_nothing_before_and_works_after(app: Flask, token: str) -> None:
    client = app.test_client()
    assert client.post(f"/u/{token}").status_code == 503
    with transaction() as db:
        assert db.scalars(select(Subscription.state)).one() is SubscriptionState.ACTIVE
        db.add(Restoration(at=EPOCH, positions={}, armed_at=EPOCH))
    assert client.post(f"/u/{token}").status_code == 200
    with transaction() as db:
        assert db.scalars(select(Subscription.state)).one() is SubscriptionState.ENDED


def test_nothing_is_frozen_claimed_decided_or_sent(token: str, settings: Settings) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db, slug="autre")
        make_readers(db, newsletter, 3)
        issue = make_scheduled_issue(db, newsletter)
        ask(db, newsletter, "new@example.org", now=EPOCH)
        subscription = db.scalars(select(Subscription).limit(1)).one()
        outbox.goodbye(db, subscription.id, now=EPOCH)
    for task in (tasks.tick, tasks.signups, tasks.send_notices, tasks.purge, tasks.sweep):
        task()
    tasks.send()
    assert _frozen(issue.id) is False
    with transaction() as db:
        assert db.get_one(Issue, issue.id).state is IssueState.SCHEDULED
        assert load_issue.leaving(db, {}, settings, None) == {}
        assert db.scalar(select(func.count()).select_from(SignupRequest)) == 1
        assert set(db.scalars(select(Notice.state))) == {DeliveryState.PENDING}
        assert set(db.scalars(select(Heartbeat.kind))) == {"beat", "alarms"}
    assert send_due(settings) == 0


def _frozen(issue_id: UUID) -> bool:
    with transaction() as db:
        return audience.freeze(db, issue_id, now=utcnow() + timedelta(days=1)) is not None


def test_a_person_is_called(token: str) -> None:
    with transaction() as db:
        (found,) = [each for each in alarms.find(db, now=utcnow()) if each.kind == "disarmed"]
    assert "mailer restore replay" in found.sentence("fr")


def test_commands_wait_too(token: str) -> None:
    result = CliRunner().invoke(cli, ["suppression", "add", "zoe@example.org"])
    assert result.exit_code == 1
    assert "mailer restore replay" in result.output
