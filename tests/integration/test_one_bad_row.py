"""One row that raises, put into every loop of the product: the others finish, and a person is called."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from dateutil.relativedelta import relativedelta
from sqlalchemy import ColumnElement, func, select, text, update

from mailer import tasks
from mailer.core import circuit, jobs, throttle
from mailer.core.after_commit import Task
from mailer.core.db import transaction, utcnow
from mailer.core.jobs import Failure, Job
from mailer.core.logging import ADDRESS
from mailer.core.settings import Settings
from mailer.core.throttle import Throttle
from mailer.delivery import due, ledger, recovery
from mailer.imports import introductions
from mailer.imports import worker as importing
from mailer.imports.models import Import, ImportState
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.monitoring import alarms
from mailer.monitoring.models import Alarm
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy import breaches
from mailer.privacy.cases import access_links, register, reminders
from mailer.privacy.models import AddressChange, Breach, Outcome, RightsEvent, RightsIntake, RightsRequest
from mailer.privacy.retention import reconfirmation
from mailer.privacy.rights import erasure, erasure_worker, rectification, restriction
from mailer.smtp.replies import GIVE_UP
from mailer.subscribers import preferences, signup
from mailer.subscribers.models import PreferencesRequest, SignupRequest, Subscriber, Subscription
from mailer.subscribers.signup import Due, SignupDecision
from tests.support.broken import SAID, broken
from tests.support.make import (
    ask,
    import_people,
    make_newsletter,
    make_pending,
    make_readers,
    make_scheduled_issue,
    open_case,
)
from tests.support.notices import send_due
from tests.support.sink import running_sink

pytestmark = pytest.mark.usefixtures("clean", "failures_expected")
EMAILS = ("ann@example.org", "ben@example.org", "cy@example.org")
AGES = timedelta(days=4000)


@dataclass(frozen=True)
class Loop:
    """Three rows of a loop, and what it leaves of them."""

    job: str
    task: Callable[[], Any]
    make: Callable[[], None]
    rows: type[Any]
    left: Callable[[], tuple[ColumnElement[bool], ...]]  # what is true of those not yet dealt with
    event: str
    table: str
    column: str = "id"


def _issues() -> None:
    with transaction() as db:
        for number in range(3):
            make_scheduled_issue(db, make_newsletter(db, slug=f"letter-{number}")).due_at = utcnow()


def _sent_issues() -> None:
    _issues()
    with transaction() as db:
        db.execute(update(Issue).values(state=IssueState.SENDING, started_at=utcnow()))


def _signups() -> None:
    with transaction() as db:
        newsletter = make_newsletter(db)
        for number, email in enumerate(EMAILS):
            ask(db, newsletter, email, now=utcnow() - timedelta(minutes=9 - number))


def _pending() -> None:
    with transaction() as db:
        newsletter = make_newsletter(db)
        for email in EMAILS:
            make_pending(db, newsletter, email=email, now=utcnow())
        db.execute(update(Subscription).values(changed_at=utcnow() - timedelta(days=9)))


def _preferences() -> None:
    with transaction() as db:
        for number, email in enumerate(EMAILS):
            preferences.request(db, email=email, now=utcnow() - timedelta(minutes=9 - number))


def _rights_links() -> None:
    with transaction() as db:
        for number, email in enumerate(EMAILS):
            access_links.request(db, email=email, locale="fr", now=utcnow() - timedelta(minutes=9 - number))


def _imported() -> None:
    with transaction() as db:
        import_people(db, make_newsletter(db), list(EMAILS))


def _cases() -> None:
    with transaction() as db:
        for email in EMAILS:
            open_case(db, email=email, now=utcnow() - timedelta(days=28), receipt=False)


def _closed_cases() -> None:
    _cases()
    with transaction() as db:
        for case in db.scalars(select(RightsRequest)).all():
            register.close(db, case, Outcome.GRANTED, by="service", now=utcnow())
        db.execute(update(Notice).values(state="accepted"))


def _breaches() -> None:
    with transaction() as db:
        for _ in EMAILS:
            breaches.record(db, what="lost", aware_at=utcnow() - timedelta(hours=1), now=utcnow())
        db.execute(update(Breach).values(aware_at=utcnow() - timedelta(hours=60)))


def _restricted() -> None:
    with transaction() as db:
        make_readers(db, make_newsletter(db), 3)
        db.execute(update(Subscriber).values(restricted_at=utcnow(), lift_at=utcnow()))


def _moves() -> None:
    _cases()
    with transaction() as db:
        make_readers(db, make_newsletter(db), 3)
        people, cases = db.scalars(select(Subscriber)).all(), db.scalars(select(RightsRequest)).all()
        for subscriber, case in zip(people, cases, strict=True):
            db.add(
                AddressChange(
                    subscriber_id=subscriber.id, request_id=case.id, old_email=subscriber.email,
                    new_email=f"new.{subscriber.email}", asked_at=utcnow(),
                    expires_at=utcnow() - timedelta(hours=1),
                )
            )  # fmt: skip


def _waiting_moves() -> None:
    """Whose earlier change can no longer be undone."""
    _moves()
    with transaction() as db:
        over, later = utcnow() - timedelta(hours=1), utcnow() + timedelta(hours=1)
        db.execute(update(AddressChange).values(waits_until=over, expires_at=later))


def _silent(since: relativedelta) -> Callable[[], None]:
    def make() -> None:
        long_ago = utcnow() - since
        with transaction() as db:
            import_people(
                db, make_newsletter(db), list(EMAILS), agreed=long_ago, now=long_ago, informed_at=long_ago
            )
            db.execute(update(Subscriber).values(reconfirm_asked_at=None))

    return make


def _unasked() -> None:
    """Silent to the end, and no longer written to."""
    _silent(relativedelta(years=3, months=1))()
    with transaction() as db:
        db.execute(update(Subscription).values(state="ended", consent_id=None))


def _erased() -> None:
    """With an address still to be let go: the hour for its certificate is over."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        import_people(db, newsletter, list(EMAILS))
        asked = [erasure.ask(db, email, never_again=False, now=utcnow()).id for email in EMAILS]
    for case_id in asked:
        assert erasure_worker.attempt(case_id, clock=utcnow)
    with transaction() as db:
        db.execute(update(Notice).values(state="accepted"))


def _files() -> None:
    """Whose undoing was asked for."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        for number in range(3):
            db.add(
                Import(
                    newsletter_id=newsletter.id, state=ImportState.UNDOING, by="terminal", file_name="a.csv",
                    file_fingerprint=b"", records=0, preset="", columns={}, source="a", locale="fr",
                    created_at=utcnow() - timedelta(minutes=9 - number),
                )
            )  # fmt: skip


def _introduce() -> None:
    """Nobody is introduced while other mails wait: these have left."""
    with transaction() as db:
        db.execute(update(Notice).values(state="accepted"))
    tasks.send_notices()


def _import() -> None:
    for _ in range(4):
        tasks.imports()


LOOPS = (
    Loop(due.FREEZE, tasks.tick, _issues, Issue, lambda: (Issue.state == "scheduled",), "UPDATE", "issue"),
    Loop(ledger.CLOSE, tasks.sweep, _sent_issues, Issue, lambda: (Issue.state == "sending",), "UPDATE",
         "issue"),
    Loop(signup.JOB, tasks.signups, _signups, SignupRequest, lambda: (), "DELETE", "signup_request"),
    Loop(signup.PURGE, tasks.purge, _pending, Subscription, lambda: (), "DELETE", "subscription"),
    Loop(preferences.JOB, tasks.signups, _preferences, PreferencesRequest, lambda: (), "DELETE",
         "preferences_request"),
    Loop(access_links.JOB, tasks.signups, _rights_links, RightsIntake, lambda: (), "DELETE", "rights_intake"),
    Loop(introductions.JOB, _introduce, _imported, Subscription,
         lambda: (~Subscription.subscriber_id.in_(select(Notice.subscriber_id)),), "INSERT", "notice",
         "subscriber_id"),
    Loop(reminders.JOB, tasks.sweep, _cases, RightsRequest,
         lambda: (~_has_step("alerted"),), "INSERT", "rights_event", "request_id"),
    Loop(register.CLOSED, tasks.sweep, _closed_cases, RightsRequest,
         lambda: (RightsRequest.email.is_not(None),), "UPDATE", "rights_request"),
    Loop(breaches.JOB, tasks.sweep, _breaches, Breach, lambda: (Breach.reminded_at.is_(None),), "UPDATE",
         "breach"),
    Loop(restriction.JOB, tasks.sweep, _restricted, Subscriber,
         lambda: (Subscriber.restricted_at.is_not(None),), "UPDATE", "subscriber"),
    Loop(rectification.JOB, tasks.sweep, _moves, AddressChange, lambda: (), "DELETE", "address_change"),
    Loop(rectification.BEGIN, tasks.sweep, _waiting_moves, AddressChange,
         lambda: (AddressChange.waits_until.is_not(None),), "UPDATE", "address_change"),
    Loop(reconfirmation.RECONFIRM, tasks.keep, _silent(relativedelta(months=35, days=5)), Subscriber,
         lambda: (Subscriber.reconfirm_asked_at.is_(None),), "UPDATE", "subscriber"),
    Loop(reconfirmation.INACTIVE, tasks.keep, _unasked, Subscriber, lambda: (), "DELETE", "subscriber"),
    Loop(erasure_worker.FINISH, tasks.sweep, _erased, RightsRequest,
         lambda: (RightsRequest.closed_at.is_(None),), "UPDATE", "rights_request"),
    Loop(importing.JOB, _import, _files, Import, lambda: (Import.state == "undoing",), "UPDATE",
         "subscriber_import"),
)  # fmt: skip


def _has_step(what: str) -> ColumnElement[bool]:
    return RightsRequest.id.in_(select(RightsEvent.request_id).where(RightsEvent.what == what))


def _left(loop: Loop) -> set[UUID]:
    with transaction() as db:
        return set(db.scalars(select(loop.rows.id).where(*loop.left())))


def _failing() -> dict[str, str]:
    with transaction() as db:
        found = alarms.find(db, now=utcnow())
        return {each.subject: each.sentence("en") for each in found if each.kind in {"set_aside", "failing"}}


def _of(loop: Loop, row: UUID) -> object:
    """What the column that raises says of a row."""
    if loop.column != "subscriber_id":
        return row
    with transaction() as db:
        return db.scalars(select(Subscription.subscriber_id).where(Subscription.id == row)).one()


def _time_has_come() -> None:
    with transaction() as db:
        db.execute(update(Failure).values(until=func.now()))


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.job)
def test_one_bad_row_stops_no_other(loop: Loop) -> None:
    loop.make()
    rows = sorted(_left(loop))
    assert len(rows) == 3
    bad = rows[0]
    code = "53100" if loop.rows is Import else "P0001"  # a full disk is no fault of a file's
    with broken(loop.event, loop.table, loop.column, _of(loop, bad), code=code):
        loop.task()
        assert _left(loop) == {bad}
        with transaction() as db:
            failures = db.execute(select(Failure.job, Failure.row, Failure.failures)).all()
        assert failures == [(loop.job, str(bad), 1)]
        told = _failing()[loop.job]
        assert "1 item" in told
        assert not ADDRESS.search(told)
        _time_has_come()
        loop.task()
        with transaction() as db:
            assert db.scalars(select(Failure.failures)).all() == [2]
    _time_has_come()
    loop.task()
    if loop.task is tasks.keep:
        tasks.keep_again()
    assert _left(loop) == set()
    assert loop.job not in _failing()


@pytest.fixture
def no_relay(asked_for: list[Task]) -> None:
    """Nobody listens there, and no worker is asked for anything."""


@pytest.mark.parametrize("bad", [job.name for job in tasks.EVERY_SWEEP])
def test_a_job_of_the_sweep_that_raises_leaves_all_others_done_and_an_alarm(
    bad: str, no_relay: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def watched(job: Job) -> Job:
        def run() -> None:
            if job.name == bad:
                raise ValueError(SAID)
            job.run()
            done.append(job.name)

        return Job(job.name, run)

    monkeypatch.setattr(tasks, "EVERY_SWEEP", tuple(watched(job) for job in tasks.EVERY_SWEEP))
    before = [job.name for job in tasks.EVERY_SWEEP]
    tasks.sweep()
    assert done == [name for name in before if name != bad]
    with transaction() as db:
        assert f"failing:{bad}" in db.scalars(select(Alarm.name).where(Alarm.resolved_at.is_(None))).all()
    assert "ValueError" in _failing()[bad]
    assert SAID not in _failing()[bad]
    monkeypatch.undo()
    tasks.sweep()
    with transaction() as db:
        assert f"failing:{bad}" not in db.scalars(select(Alarm.name).where(Alarm.resolved_at.is_(None))).all()


def test_in_the_night_what_fails_stops_nothing_and_is_done_again_before_the_next(no_relay: None) -> None:
    with transaction() as db:
        throttle.take(db, throttle.limit(1, timedelta(hours=1), "old"), now=utcnow() - AGES)
        preferences.request(db, email=EMAILS[0], now=utcnow() - AGES)
    with broken("DELETE", "preferences_request", "email", EMAILS[0]):
        tasks.keep()
        with transaction() as db:
            assert db.scalars(select(Throttle.key)).all() == []  # a later rule
            assert jobs.to_repeat(db, tasks._nightly()) == set()  # not at once
        assert set(_failing()) == {"requests preferences_request"}
    _time_has_come()
    with transaction() as db:
        assert jobs.to_repeat(db, tasks._nightly()) == {"requests preferences_request"}
    tasks.keep_again()
    with transaction() as db:
        assert db.scalars(select(PreferencesRequest.id)).all() == []
    assert _failing() == {}


def test_an_alarm_that_cannot_be_looked_for_hides_no_other(no_relay: None) -> None:
    with transaction() as db:
        circuit.hit(db, circuit.DKIM, "the key cannot be read", now=utcnow())
        db.execute(text("ALTER TABLE throttle RENAME TO throttled"))
    try:
        with transaction() as db:
            kinds = {each.kind for each in alarms.find(db, now=utcnow())}
    finally:
        with transaction() as db:
            db.execute(text("ALTER TABLE throttled RENAME TO throttle"))
    assert {"dkim", "failing", "silent"} <= kinds


def test_a_damaged_journal_keeps_no_other_worker_s_rows_waiting(settings: Settings, tmp_path: Path) -> None:
    bad, good = (tmp_path / f"{uuid4()}.journal" for _ in range(2))
    bad, good = sorted((bad, good))
    bad.write_text("mailer-journal 1\nnonsense\n")
    good.write_text("mailer-journal 1\n")
    failed = jobs.run([Job(recovery.JOB, lambda: recovery.recover(tmp_path))])
    assert failed == [recovery.JOB]
    assert [path for path in (bad, good) if path.exists()] == [bad]


def _notice(email: str, minutes: int) -> None:
    with transaction() as db:
        now, facts = utcnow() - timedelta(minutes=minutes), {"link": "/rights", "dpo": "dpo@example.org"}
        outbox.post(db, NoticeKind.NOTHING_HELD, email=email, locale="fr", now=now, facts=facts)


def test_a_notice_that_cannot_be_written_is_set_aside_alone(settings: Settings) -> None:
    """A newsletter's name of two lines fits in no subject."""
    with transaction() as db:
        made = make_pending(db, make_newsletter(db, name="La lettre\r\nBcc: all@example.org"), now=utcnow())
        outbox.answer_signup(
            db, SignupDecision(made.id, Due.CONFIRMATION), now=utcnow() - timedelta(minutes=9)
        )
    for number, email in enumerate(EMAILS):
        _notice(email, 8 - number)
    with running_sink() as sink:
        through = settings.model_copy(update={"relay_url": sink.url})
        job = Job(outbox.JOB, lambda: send_due(through))
        assert jobs.run([job]) == [outbox.JOB]
        assert [mail["To"] for mail in sink.mails()] == list(EMAILS)
        assert list(_failing()) == [outbox.JOB]
        with transaction() as db:
            told = db.execute(select(Notice.state, Notice.attempts).order_by(Notice.due_at.desc())).all()
            assert told == [("deferred", 1), *[("accepted", 1)] * 3]
            db.execute(update(Newsletter).values(name="La lettre"))
            db.execute(update(Notice).where(Notice.state == "deferred").values(due_at=utcnow()))
        _time_has_come()
        assert jobs.run([job]) == []
        assert len(sink.mails()) == 4
    assert _failing() == {}


def test_a_notice_that_is_never_written_is_refused_in_the_end(settings: Settings) -> None:
    with transaction() as db:
        made = make_pending(db, make_newsletter(db, name="La lettre\r\nBcc: all@example.org"), now=utcnow())
        outbox.answer_signup(db, SignupDecision(made.id, Due.CONFIRMATION), now=utcnow())
        db.execute(update(Notice).values(first_tried=utcnow() - GIVE_UP))
    with running_sink() as sink:
        through = settings.model_copy(update={"relay_url": sink.url})
        jobs.run([Job(outbox.JOB, lambda: send_due(through))])
    with transaction() as db:
        assert db.execute(select(Notice.state, Notice.reply)).one() == ("refused", "not written")


def test_an_address_that_the_relay_cannot_take_is_refused_and_calls_nobody(settings: Settings) -> None:
    for minutes, email in ((3, EMAILS[0]), (2, "é@example.org"), (1, EMAILS[1])):
        _notice(email, minutes)
    with running_sink(smtputf8=False) as sink:
        through = settings.model_copy(update={"relay_url": sink.url})
        assert jobs.run([Job(outbox.JOB, lambda: send_due(through))]) == []
        assert [mail["To"] for mail in sink.mails()] == [EMAILS[0], EMAILS[1]]
    with transaction() as db:
        refused = select(Notice.code, Notice.attempts).where(Notice.email == "é@example.org")
        assert db.execute(refused).one() == (553, 1)
    assert _failing() == {}


def test_a_notice_on_which_the_relay_hangs_up_charges_no_other(settings: Settings) -> None:
    for number, email in enumerate(EMAILS):
        _notice(email, 9 - number)
    with running_sink() as sink:
        sink.refusals[EMAILS[0]] = "421 4.3.0 Bye"
        sink.hangs_up.add(EMAILS[1])
        through = settings.model_copy(update={"relay_url": sink.url})
        send_due(through)
        assert [mail["To"] for mail in sink.mails()] == [EMAILS[2]]
    with transaction() as db:
        assert db.scalars(select(Notice.attempts)).all() == [1, 1, 1]
