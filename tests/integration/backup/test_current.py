"""A copy of before is disarmed, however it was put back; an ordinary crash is made good."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from mailer import tasks
from mailer.backup import current, replay
from mailer.backup.fold import LogMissing
from mailer.backup.replay import Replay
from mailer.core import appendonly, restore_lock
from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.delivery import anchoring, audience, ledger, unknown
from mailer.delivery.models import Delivery
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.monitoring import alarms
from mailer.newsletters.models import Newsletter
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.rights import objection
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision, LogNotAsKnown, Position
from mailer.privacylog.models import HostPosition
from mailer.smtp.relay import Relay
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import subscribers, subscriptions
from mailer.subscribers.consent import anchors, chain
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState, Suppression
from mailer.web.app import create_app
from tests.support.commands import mailer
from tests.support.make import (
    EPOCH,
    import_people,
    make_letter,
    make_newsletter,
    make_pending,
    make_scheduled_issue,
    make_sender,
    send_letter,
)
from tests.support.sink import running_sink
from tests.support.snapshot import snapshot

ZOE, ANNE, PAUL = "zoe@example.org", "anne@example.org", "paul@example.org"
PutBack = Callable[[], Settings]


@pytest.fixture
def newsletter(clean: None) -> Newsletter:
    with transaction() as db:
        made = make_newsletter(db)
        import_people(db, made, [ZOE, ANNE, PAUL], informed_at=EPOCH)
        objection.object_to(db, email="no@example.org", locale="fr", now=EPOCH)
    return made


@pytest.fixture
def put_back(newsletter: Newsletter, settings: Settings) -> Iterator[PutBack]:
    with snapshot(settings) as turned:
        yield turned


def _of(db: Session, email: str) -> Subscription:
    joined = select(Subscription).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
    return db.scalars(joined.where(Subscriber.email == email)).one()


def _leave(email: str) -> None:
    with transaction() as db:
        assert subscriptions.withdraw(db, _of(db, email).id, channel="link", now=utcnow())


def _crash(act: Callable[[Session], object]) -> None:
    """Do something whose lines are on disk, and whose transaction does not commit."""

    def crash(_: Session) -> None:
        raise ConnectionResetError

    with suppress(ConnectionResetError), transaction() as db:
        act(db)
        event.listen(db, "before_commit", crash)


def _crash_leaving(email: str) -> None:
    _crash(lambda db: subscriptions.withdraw(db, _of(db, email).id, channel="link", now=utcnow()))


def _look() -> bool:
    with transaction() as db:
        return current.look(db, now=utcnow())


def _state(email: str) -> SubscriptionState:
    with transaction() as db:
        return _of(db, email).state


def _disarmed() -> str:
    with transaction() as db:
        assert restore_lock.disarmed(db)
        (alarm,) = [each for each in alarms.find(db, now=utcnow()) if each.kind == "contradicted"]
    return alarm.sentence("en")


def _send(issue: Issue) -> None:
    with running_sink() as server:
        sender = make_sender(Relay.parse(server.url))
        send_letter(sender, issue.id, make_letter(issue))
        sender.leave()


def _frozen(newsletter_id: UUID) -> Issue:
    with transaction() as db:
        issue = make_scheduled_issue(db, db.get_one(Newsletter, newsletter_id))
    with transaction() as db:
        frozen = audience.freeze(db, issue.id, now=utcnow())
        assert frozen
    return frozen


def test_a_database_that_knows_all_is_used(newsletter: Newsletter) -> None:
    _leave(ZOE)
    assert _look()
    _frozen(newsletter.id)
    assert _look()


@pytest.mark.parametrize("leaving", [(ZOE,), (ZOE, ANNE)])
def test_a_copy_from_before_they_left(put_back: PutBack, leaving: tuple[str, ...]) -> None:
    """Also where one transaction alone is missing: its anchor says that it had committed."""
    for email in leaving:
        _leave(email)
    put_back()
    with transaction() as db:
        make_scheduled_issue(db, db.scalars(select(Newsletter)).one()).due_at = utcnow()
    tasks.tick()
    assert "does not know it" in _disarmed() or "more than one transaction" in _disarmed()
    with transaction() as db:
        assert db.scalars(select(Delivery)).all() == []
    report = Replay().run(clock=utcnow, progress=lambda _: None)
    assert report.withdrawn == len(leaving)
    with transaction() as db:
        replay.arm(db, now=utcnow())
    assert {email: _state(email) for email in (ZOE, ANNE)} == {
        email: SubscriptionState.ENDED if email in leaving else SubscriptionState.ACTIVE
        for email in (ZOE, ANNE)
    }
    assert _look()


def test_a_copy_from_before_a_send_does_not_send_again(newsletter: Newsletter, settings: Settings) -> None:
    with transaction() as db:
        issue = make_scheduled_issue(db, newsletter)
        issue.due_at = utcnow()
    with snapshot(settings) as turned:
        with transaction() as db:
            frozen = audience.freeze(db, issue.id, now=utcnow())
            assert frozen
        _send(frozen)
        with transaction() as db:
            assert ledger.close_finished(db, now=utcnow()) == [issue.id]
        turned()
        tasks.tick()
        _disarmed()
        with transaction() as db:
            assert db.get_one(Issue, issue.id).state is IssueState.SCHEDULED
        report = Replay().run(clock=utcnow, progress=lambda _: None)
        assert (report.left, report.stopped.drafts) == ([str(issue.id)], [str(issue.id)])


def test_a_copy_from_the_midst_of_a_send(newsletter: Newsletter, settings: Settings) -> None:
    """No line is written while rows leave: the sweep anchors how far the database is."""
    issue = _frozen(newsletter.id)
    tasks.sweep()
    with snapshot(settings) as turned:
        _send(issue)
        with transaction() as db:
            anchoring.anchor(db, now=utcnow())
        turned()
        assert not _look()
        assert "had got that far" in _disarmed()


def test_a_pause_is_kept_and_a_lost_yes_asked_for(newsletter: Newsletter, settings: Settings) -> None:
    until, came = EPOCH + timedelta(days=3000), "new@example.org"
    with transaction() as db:
        pending = make_pending(db, newsletter, email="asked@example.org", now=utcnow())
    with snapshot(settings) as turned:
        with transaction() as db:
            subscribers.pause(db, db.scalars(select(Subscriber).where(Subscriber.email == ZOE)).one(), until)
        with transaction() as db:
            subscriptions.confirm(db, pending.id, now=utcnow())
            late = make_pending(db, newsletter, email=came, now=utcnow())
            subscriptions.confirm(db, late.id, now=utcnow())
        turned()
        assert not _look()
        replaying = Replay()
        report = replaying.run(clock=utcnow, progress=lambda _: None)
        assert (report.paused, report.agreed_since, report.asked_again) == (1, 2, 1)
        assert replaying.lost == [(fingerprint_of(came), newsletter.id)]
        with transaction() as db:
            replay.arm(db, now=utcnow())
            assert db.scalar(select(Subscriber.paused_until).where(Subscriber.email == ZOE)) == until
            waits = Notice.state == DeliveryState.PENDING, Notice.kind == NoticeKind.CONFIRMATION
            (asked,) = db.scalars(select(Notice).where(*waits))
            assert asked.subscriber_id == pending.subscriber_id


def test_a_pause_is_written_once(newsletter: Newsletter) -> None:
    def pause(until: datetime | None) -> None:
        with transaction() as db:
            subscribers.pause(db, db.scalars(select(Subscriber).where(Subscriber.email == ZOE)).one(), until)

    before = len(list(decisions.read(decisions.own_path())))
    for until in (EPOCH, EPOCH, None, None):
        pause(until)
    lines = [line.entry for line, _ in decisions.read(decisions.own_path())][before:]
    assert [(line.decision, line.detail) for line in lines] == [
        (Decision.PAUSE, EPOCH.isoformat()), (Decision.PAUSE_ENDED, None),
    ]  # fmt: skip


def test_freeze_resend_and_close_are_lines(newsletter: Newsletter) -> None:
    issue = _frozen(newsletter.id)
    _send(issue)
    with transaction() as db:
        ledger.close_finished(db, now=utcnow())
    with transaction() as db:
        unknown.resend(db, db.get_one(Issue, issue.id), by="terminal", now=utcnow())
    lines = [line.entry for line, _ in decisions.read(decisions.own_path())][-3:]
    assert [line.decision for line in lines] == [Decision.FREEZE, Decision.CLOSE, Decision.RESEND]
    assert {line.subject for line in lines} == {issue.id}


def test_an_ordinary_crash_is_made_good_and_said(newsletter: Newsletter) -> None:
    _crash_leaving(ZOE)
    assert _state(ZOE) is SubscriptionState.ACTIVE
    tasks.sweep()
    assert _state(ZOE) is SubscriptionState.ENDED
    with transaction() as db:
        (said,) = db.scalars(select(Audit).where(Audit.what == "privacy log made good"))
        assert said.details == {"lines": 1, "done": 1}
    tasks.sweep()
    with transaction() as db:
        assert len(db.scalars(select(Audit).where(Audit.what == "privacy log made good")).all()) == 1


def test_nobody_is_refused_for_another_s_crash(newsletter: Newsletter) -> None:
    _crash_leaving(ZOE)
    _leave(ANNE)
    _crash(lambda db: objection.object_to(db, email=PAUL, locale="fr", now=utcnow()))
    _leave(PAUL)
    assert _look()
    assert _state(ZOE) is SubscriptionState.ENDED
    with transaction() as db:
        assert db.get(Suppression, fingerprint_of(PAUL))
        assert db.get(Suppression, fingerprint_of("no@example.org"))


def test_a_later_yes_is_not_undone(newsletter: Newsletter) -> None:
    _crash_leaving(ZOE)
    with transaction() as db:
        subscriptions.confirm(db, _of(db, ZOE).id, now=utcnow())
    assert _look()
    assert _state(ZOE) is SubscriptionState.ACTIVE


def test_more_than_one_crash_beyond_is_a_copy_of_before(newsletter: Newsletter) -> None:
    """As where the anchors were lost too: nothing is made good unseen."""
    kept = decisions.own_path().read_bytes()
    _crash_leaving(ZOE)
    first = decisions.own_path().read_bytes()
    assert first != kept
    with transaction() as db:
        known = db.get_one(HostPosition, appendonly.host())
        before = Position(known.size, known.seal)
    _leave(PAUL)  # which notes the first as to be made good; both are then beyond what a copy knows
    with transaction() as db:
        decisions.set_position(db, appendonly.host(), before)
    shutil.rmtree(decisions.folder().parent / anchors.FOLDER)
    assert not _look()
    assert "more than one transaction" in _disarmed()
    with pytest.raises(LogNotAsKnown):
        _leave(ANNE)


def test_lines_cut_from_the_end_of_the_log(newsletter: Newsletter) -> None:
    _leave(ZOE)
    path = decisions.own_path()
    whole = path.read_bytes()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    with pytest.raises(LogNotAsKnown):
        _leave(ANNE)
    assert not _look()
    assert str(path) in _disarmed()
    with pytest.raises(LogMissing):
        Replay()
    path.write_bytes(whole)
    Replay().run(clock=utcnow, progress=lambda _: None)
    with transaction() as db:
        replay.arm(db, now=utcnow())
    _leave(ANNE)
    assert _look()


def test_a_command_with_another_folder_is_refused(newsletter: Newsletter, tmp_path: Path) -> None:
    env = os.environ | {"MAILER_DATA_DIR": str(tmp_path / "elsewhere")}
    done = mailer("suppression", "add", "x@example.org", env=env)
    assert done.returncode == 1
    assert "elsewhere" in done.stderr
    with transaction() as db:
        assert db.get(Suppression, fingerprint_of("x@example.org")) is None
        assert not restore_lock.disarmed(db)  # whoever stands elsewhere stops nobody
    _leave(ZOE)


def test_what_anchors_know_of_other_machines_has_to_be_there(put_back: PutBack, settings: Settings) -> None:
    _leave(ZOE)
    _leave(ANNE)
    known = anchors.Anchor(0, b"", utcnow(), {"second": 70})
    anchors.write(settings.data_dir, chain.chain_key(), known)
    put_back()
    assert not _look()
    with pytest.raises(LogMissing, match="second"):
        Replay()


def test_whole_lines_cut_from_a_log_show_at_the_replay(put_back: PutBack) -> None:
    _leave(ZOE)
    _leave(ANNE)
    put_back()
    assert not _look()
    path = decisions.own_path()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(LogMissing, match="lacks lines at its end"):
        Replay()


def test_the_site_looks_before_it_shows_anything(put_back: PutBack, settings: Settings) -> None:
    _leave(ZOE)
    app = create_app(put_back())
    answer = app.test_client().get("/lettre/")
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    _disarmed()


def test_a_second_look_is_the_same(newsletter: Newsletter) -> None:
    assert _look()
    with transaction() as db:
        assert current.look(db, now=utcnow() + timedelta(days=1))
