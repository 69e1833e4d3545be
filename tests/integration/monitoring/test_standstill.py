"""What stands still is an alarm, with its likely cause: a send, and the oldest of every queue."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, func, select, text, update

from mailer.celery_app import app
from mailer.core import circuit, heartbeats, jobs
from mailer.core.after_commit import Task
from mailer.core.db import transaction, utcnow
from mailer.core.heartbeats import Heartbeat
from mailer.core.jobs import Failure
from mailer.core.restore_lock import Restoration
from mailer.core.settings import Settings
from mailer.delivery import audience, load_issue
from mailer.delivery.models import Delivery
from mailer.imports.models import Import, ImportState
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.monitoring import alarms, backlog
from mailer.monitoring.backlog import LIMITS, Queue
from mailer.notices import outbox
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import access_links
from mailer.privacy.mailbox import intake
from mailer.privacy.rights import erasure
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import preferences
from tests.support.make import ask, import_people, make_newsletter, make_readers, make_scheduled_issue

pytestmark = pytest.mark.usefixtures("alive")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def leaving(alive: None) -> UUID:
    """An issue that has left for an hour, to ten people; nothing has moved since."""
    then = utcnow() - timedelta(hours=1)
    with transaction() as db:
        newsletter = make_newsletter(db)
        make_readers(db, newsletter, 10)
        made = make_scheduled_issue(db, newsletter)
        assert audience.freeze(db, made.id, now=then)
        db.execute(update(Issue).values(started_at=then))
        db.execute(update(Delivery).values(due_at=then, changed_at=then))
    return made.id


def _found(kind: str, **changes: Any) -> list[dict[str, Any]]:
    with transaction() as db:
        return [each.values for each in alarms.find(db, now=utcnow()) if each.kind == kind]


def _cause(kind: str = "stalled") -> tuple[str, str]:
    (values,) = _found(kind)
    return str(values["cause"]), values["detail"]


def _move(state: DeliveryState, *positions: int, ago: timedelta = timedelta(0)) -> None:
    with transaction() as db:
        moved = {"state": state, "changed_at": utcnow() - ago}
        if state is DeliveryState.HANDED:
            moved["worker"] = uuid4()
        db.execute(update(Delivery).where(Delivery.position.in_(positions)).values(moved))


def _silent(kind: str) -> None:
    with transaction() as db:
        db.execute(delete(Heartbeat).where(Heartbeat.kind == kind))


# -- a send ------------------------------------------------------------------------


def test_a_send_that_has_not_moved_for_five_minutes_is_an_alarm(leaving: UUID) -> None:
    (values,) = _found("stalled")
    assert (values["title"], values["rows"], values["minutes"]) == ("Numéro 1", 10, 60)
    _move(DeliveryState.ACCEPTED, 1, ago=4 * MINUTE)
    assert _found("stalled") == []
    _move(DeliveryState.ACCEPTED, 1, ago=6 * MINUTE)
    (values,) = _found("stalled")
    assert (values["rows"], values["minutes"]) == (9, 6)


def test_a_claim_that_is_given_back_is_no_progress(leaving: UUID) -> None:
    _move(DeliveryState.HANDED, 1)
    _move(DeliveryState.PENDING, 2)
    assert len(_found("stalled")) == 1


def test_rows_that_a_dead_worker_held_stand_still_too(leaving: UUID) -> None:
    _move(DeliveryState.ACCEPTED, *range(1, 10), ago=10 * MINUTE)
    _move(DeliveryState.HANDED, 10, ago=10 * MINUTE)
    assert len(_found("stalled")) == 1


def test_what_is_put_off_or_paused_does_not_stand_still(leaving: UUID) -> None:
    with transaction() as db:
        db.execute(update(Delivery).values(state=DeliveryState.DEFERRED, due_at=utcnow() + MINUTE))
    assert _found("stalled") == []
    with transaction() as db:
        db.execute(update(Delivery).values(due_at=utcnow() - 10 * MINUTE))
        db.execute(update(Issue).values(state=IssueState.PAUSED))
    assert _found("stalled") == []


def test_the_likely_cause_is_named(
    leaving: UUID, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    assert _cause() == ("not_known", "")
    slow = settings.model_copy(update={"rate": 0.001})
    monkeypatch.setattr(alarms, "settings", lambda: slow)
    assert _cause() == ("rate", "0.001")
    with transaction() as db:
        job = {"job": load_issue.JOB, "row": "", "error": "KeyError at mailer/x.py:1"}
        db.execute(jobs._NOTE, job)
    assert _cause() == ("job", load_issue.JOB)
    with transaction() as db:
        for (provider,) in db.execute(select(Delivery.provider).distinct()).all():
            circuit.hit(db, provider, "421 4.7.0 later", now=utcnow())
    assert _cause()[0] == "provider"
    with transaction() as db:
        circuit.hit(db, circuit.RELAY, "the login is refused: relay:587, 535 no", now=utcnow())
    assert _cause() == ("relay", "the login is refused: relay:587, 535 no")
    _silent("letters")
    assert _cause() == ("letters", "")
    _silent("beat")
    assert _cause() == ("beat", "")
    _silent("ticks")  # which writes beat's
    assert _cause() == ("ticks", "")
    with transaction() as db:
        db.execute(update(Restoration).values(armed_at=None))
    assert _cause() == ("disarmed", "")
    with transaction() as db:
        db.execute(delete(Failure))


def test_an_issue_that_does_not_begin_in_time_is_an_alarm(alive: None) -> None:
    with transaction() as db:
        issue = make_scheduled_issue(db, make_newsletter(db))
        issue.due_at = utcnow() - 4 * MINUTE
    assert _found("not_begun") == []
    with transaction() as db:
        db.execute(update(Issue).values(due_at=utcnow() - 6 * MINUTE))
    _silent("notices")  # which begins nothing
    assert _cause("not_begun") == ("not_known", "")
    _silent("ticks")
    assert _cause("not_begun") == ("ticks", "")
    assert _found("not_begun")[0]["minutes"] == 6
    with transaction() as db:
        db.execute(update(Issue).values(due_at=utcnow() - timedelta(hours=13)))
    assert _found("not_begun") == []
    assert len(_found("late")) == 1  # so late that it asks


# -- the oldest of every queue -----------------------------------------------------


def _backlog(queue: Queue) -> list[dict[str, Any]]:
    return [each for each in _found("backlog") if each["queue"] == queue]


def test_every_queue_has_its_limit_and_says_what_it_needs() -> None:
    assert set(Queue) == set(LIMITS) == set(backlog.NEEDS) == set(backlog._OLDEST)


@pytest.mark.parametrize(
    ("queue", "task"),
    [
        (Queue.REQUESTS, Task.SIGNUPS), (Queue.NOTICES, Task.NOTICES), (Queue.INTRODUCTIONS, Task.NOTICES),
        (Queue.IMPORTS, Task.IMPORTS), (Queue.MAILBOX, Task.INBOX), (Queue.ERASURES, Task.SWEEP),
    ],
)  # fmt: skip
def test_a_queue_needs_the_worker_of_the_task_that_does_it(queue: Queue, task: Task) -> None:
    conf = app.conf
    worker = conf.task_routes.get(task.value, {}).get("queue", conf.task_default_queue)
    assert {*backlog.NEEDS[queue].processes} == {"beat", "ticks", worker}


@pytest.mark.parametrize("over", [False, True])
def test_notices(over: bool) -> None:
    due = utcnow() - LIMITS[Queue.NOTICES] + (-MINUTE if over else MINUTE)
    with transaction() as db:
        outbox.post(db, NoticeKind.RIGHTS, email="zoe@example.org", locale="fr", now=due)
        circuit.hit(db, circuit.RELAY, "no connection: relay:587", now=utcnow())
    found = _backlog(Queue.NOTICES)
    assert len(found) == over
    assert [(each["cause"], each["minutes"], each["limit"]) for each in found] == [("relay", 6, 5)] * over
    with transaction() as db:
        db.execute(update(Notice).values(state=DeliveryState.ACCEPTED))
    assert _backlog(Queue.NOTICES) == []


@pytest.mark.parametrize("form", ["sign-up", "preferences", "rights"])
def test_what_forms_received(form: str) -> None:
    then = utcnow() - timedelta(hours=1)
    with transaction() as db:
        if form == "sign-up":
            ask(db, make_newsletter(db), now=then)
        elif form == "preferences":
            preferences.request(db, email="zoe@example.org", now=then)
        else:
            access_links.request(db, email="zoe@example.org", locale="fr", now=then)
    _silent("ticks")
    (found,) = _backlog(Queue.REQUESTS)
    assert found["cause"] == "ticks"


def test_introductions() -> None:
    with transaction() as db:
        import_people(db, make_newsletter(db), ["zoe@example.org"], now=utcnow() - timedelta(hours=23))
    assert _backlog(Queue.INTRODUCTIONS) == []
    with transaction() as db:
        db.execute(text("UPDATE subscription SET changed_at = now() - interval '25 hours'"))
    (found,) = _backlog(Queue.INTRODUCTIONS)
    assert found["minutes"] == 25 * 60


def test_imports() -> None:
    with transaction() as db:
        newsletter = make_newsletter(db)
        db.add(Import(
            newsletter_id=newsletter.id, state=ImportState.RUNNING, by="lea", file_name="x.csv",
            file_fingerprint=b"", records=1, preset="", columns={}, source="x", locale="fr",
            created_at=utcnow() - timedelta(days=2),
        ))  # fmt: skip
    assert _backlog(Queue.IMPORTS) == []  # it has just moved
    with transaction() as db:
        db.execute(text("UPDATE subscriber_import SET moved_at = now() - interval '16 minutes'"))
    _silent("chores")
    (found,) = _backlog(Queue.IMPORTS)
    assert (found["cause"], found["minutes"]) == ("chores", 16)
    with transaction() as db:
        db.execute(update(Import).values(done=1))  # whatever changes of it
    assert _backlog(Queue.IMPORTS) == []


def test_the_mailbox(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    class Given:
        inbox_url = "imap://a:b@127.0.0.1/INBOX"

    monkeypatch.setattr(backlog, "settings", Given)
    assert _backlog(Queue.MAILBOX) == []  # the beat is not an hour old
    with transaction() as db:
        heartbeats.take_turn(db, intake._READING, intake.READ)
        mine = Heartbeat.kind == intake.READ
        ago = func.now() - text("interval '61 minutes'")
        db.execute(update(Heartbeat).where(mine).values(seen_at=ago))
    (found,) = _backlog(Queue.MAILBOX)
    assert found["minutes"] == 61
    with transaction() as db:
        circuit.hit(db, circuit.INBOX, "no connection: imap", now=utcnow())
    assert _backlog(Queue.MAILBOX) == []  # which has an alarm of its own
    with transaction() as db:
        circuit.clear(db, circuit.INBOX)
        db.execute(delete(Heartbeat).where(Heartbeat.kind == intake.READ))
        db.execute(text("UPDATE heartbeat SET started_at = now() - interval '2 days' WHERE kind = 'beat'"))
    assert len(_backlog(Queue.MAILBOX)) == 1  # never read, or so long ago that nobody knows


def test_erasures() -> None:
    then = utcnow() - timedelta(minutes=30)
    with transaction() as db:
        erasure.ask(db, "zoe@example.org", locale="fr", never_again=False, by="person", now=then)
    (found,) = _backlog(Queue.ERASURES)
    assert found["minutes"] == 30
