"""The drill: a backup, then what people ask for, then a restore that undoes none of it."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from mailer import tasks
from mailer.cli import cli
from mailer.cli.errors import sentence
from mailer.core import appendonly, restore_lock, tokens
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.restore_lock import Restoration
from mailer.core.settings import Settings
from mailer.core.tokens import Purpose
from mailer.delivery import audience, load_issue
from mailer.delivery.models import Delivery
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox
from mailer.notices.models import Notice
from mailer.privacy.models import AddressChange, Outcome, Right, RightsRequest
from mailer.privacy.rights import objection, rectification
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.privacylog.models import HostPosition
from mailer.smtp.relay import Relay
from mailer.staff import sessions
from mailer.staff.models import Staff
from mailer.subscribers import subscriptions, suppressions
from mailer.subscribers.consent import anchors, verify
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.models import (
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from mailer.subscribers.suppressions import SuppressedAddress
from mailer.web.app import create_app
from tests.support.desk_rows import make_staff
from tests.support.fresh_database import fresh_database
from tests.support.make import (
    EPOCH,
    erase,
    make_newsletter,
    make_pending,
    make_scheduled_issue,
    make_sender,
    send_letter,
    sign_up,
)
from tests.support.rights_links import Visitor
from tests.support.sink import Sink, running_sink

A, B, C, D, E = (f"{name}@example.org" for name in ("ada", "bob", "cleo", "dina", "eve"))
MOVED = "cleo@elsewhere.example.org"


@dataclass
class Installation:
    """What was backed up, and where."""

    backup: Path
    key: Path
    slug: str
    ways_out: dict[str, str]
    leaving: UUID
    scheduled: UUID
    case: UUID
    sink: Sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture
def installation(clean: None, settings: Settings, sink: Sink, tmp_path: Path) -> Installation:
    """Five people, an issue that has begun and one that is to; backed up; then a day goes by."""
    ways_out: dict[str, str] = {}
    with transaction() as db:
        newsletter = make_newsletter(db)
        for email in (A, B, C, D, E):
            pending = make_pending(db, newsletter, email=email, now=EPOCH)
            subscriptions.confirm(db, pending.id, now=EPOCH)
            ways_out[email] = tokens.issue(Purpose.LEAVE, (str(pending.id), newsletter.slug))
        leaving = make_scheduled_issue(db, newsletter)
        assert audience.freeze(db, leaving.id, now=utcnow())
        scheduled = make_scheduled_issue(db, newsletter, "The next letter.")
        outbox.goodbye(db, pending.id, now=EPOCH)
        staff = make_staff(db)
        assert sessions.start(db, staff.id, epoch=0, browser="", now=utcnow())
    key = tmp_path / "key.txt"
    public = _done("restore", "key", "--out", key)["public_key"]
    backup = Path(_done("backup", "--out", tmp_path / "backups", "--recipient-key", public)["file"])
    made = Installation(backup, key, newsletter.slug, ways_out, leaving.id, scheduled.id, uuid4(), sink)
    _a_day_goes_by(made, settings)
    return made


def _a_day_goes_by(made: Installation, settings: Settings) -> None:
    _send(made.leaving, made.sink, settings)
    with transaction() as db:
        assert db.get_one(Issue, made.leaving).state is IssueState.CLOSED
        audience.freeze(db, made.scheduled, now=utcnow())
    _send(made.scheduled, made.sink, settings)
    with transaction() as db:
        erase(db, A, never_again=False, now=utcnow())
        objection.object_to(db, email=E, locale="fr", now=utcnow())
        suppressions.add(db, [SuppressedAddress(b"k" * 32, SuppressionReason.COMPLAINT, EPOCH)])
        decisions.write(db, Decision.CASE, fingerprint_of(D), subject=made.case, detail=Right.ACCESS)
    app = create_app(settings)
    client = app.test_client()
    assert client.post(f"/u/{made.ways_out[B]}").status_code == 200
    Visitor(app, C).post("/address", email=MOVED)
    with transaction() as db:
        change = db.scalars(select(AddressChange.id)).one().hex
    said = client.post(rectification.NEW_PATH + tokens.issue(Purpose.NEW_ADDRESS, change))
    assert said.status_code == 200


def _send(issue_id: UUID, sink: Sink, settings: Settings) -> None:
    with transaction() as db:
        issues = load_issue.leaving(db, {}, settings, None)
    if issue_id in issues:
        sender = make_sender(Relay.parse(sink.url))
        send_letter(sender, issue_id, issues[issue_id].letter)
        sender.leave()
    tasks.sweep()


@pytest.fixture
def restored(installation: Installation, settings: Settings) -> Iterator[Installation]:
    """The same, on another machine with an empty database, where the backup was restored."""
    with fresh_database(settings):
        _restore(installation)
        yield installation


def _run(*words: object, answer: str = "") -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], input=answer)


def _done(*words: object) -> dict[str, Any]:
    result = _run(*words, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def _refused(*words: object, answer: str = "") -> str:
    """The one sentence with which it refuses."""
    result = _run(*words, answer=answer)
    assert result.exit_code == 1
    if isinstance(result.exception, SystemExit):
        return result.output
    assert isinstance(result.exception, Exception)
    said = sentence(result.exception)
    assert said, result.exception
    return said


def _restore(of: Installation) -> dict[str, Any]:
    return _done("restore", of.backup, "--key-file", of.key)


def _state(db: Session, email: str) -> SubscriptionState | None:
    joined = select(Subscription.state).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
    return db.scalar(joined.where(Subscriber.email == email))


def test_nothing_is_served_or_sent_before_the_replay(restored: Installation, settings: Settings) -> None:
    client = create_app().test_client()
    before = len(restored.sink.envelopes)
    for email in (A, B, C, D, E):
        assert client.post(f"/u/{restored.ways_out[email]}").status_code == 503
    for path in (f"/{restored.slug}/", "/preferences", "/desk/"):
        assert client.get(path).status_code == 503
    for task in (tasks.tick, tasks.send_notices, tasks.sweep):
        task()
    for issue_id in (restored.leaving, restored.scheduled):
        _send(issue_id, restored.sink, settings)
    assert len(restored.sink.envelopes) == before
    with transaction() as db:
        assert restore_lock.disarmed(db)
        assert {_state(db, email) for email in (A, B, C, D, E)} == {SubscriptionState.ACTIVE}


def test_after_the_replay_everybody_is_where_they_asked_to_be(
    restored: Installation, settings: Settings
) -> None:
    report = _done("restore", "replay", "--yes")
    counted = {
        name: report[name] for name in ("erased", "withdrawn", "suppressed", "moved", "cases", "armed")
    }
    assert counted == {"erased": 1, "withdrawn": 2, "suppressed": 2, "moved": 1, "cases": 3, "armed": True}
    with transaction() as db:
        assert not db.scalar(select(func.count()).where(Subscriber.email == A))
        assert _state(db, B) is SubscriptionState.ENDED
        assert _state(db, C) is SubscriptionState.ENDED
        assert _state(db, D) is SubscriptionState.ACTIVE
        assert db.get_one(Suppression, b"k" * 32).reason is SuppressionReason.COMPLAINT
        case = db.get_one(RightsRequest, restored.case)
        assert (case.right, case.outcome, case.fingerprint) == (
            Right.ACCESS,
            None,
            fingerprint_of(D),
        )
        assert db.get_one(Suppression, fingerprint_of(E)).reason is SuppressionReason.OBJECTED
        assert _state(db, E) is SubscriptionState.ENDED
        answered = select(RightsRequest.right).where(RightsRequest.outcome == Outcome.GRANTED)
        assert set(db.scalars(answered)) == {Right.ERASURE, Right.RECTIFICATION}
        assert verify.verify(db, now=utcnow()).whole
    client = create_app().test_client()
    assert client.get(f"/{restored.slug}/").status_code == 200


def test_what_had_left_does_not_leave_again(restored: Installation, settings: Settings) -> None:
    report = _done("restore", "replay", "--yes")
    assert report["issues_paused"] == [str(restored.leaving)]
    assert report["issues_drafts"] == [str(restored.scheduled)]
    assert (report["deliveries_unknown"], report["notices_unknown"]) == (5, 1)
    before = len(restored.sink.envelopes)
    assert before == 10  # each of the two issues, to each of the five
    for task in (tasks.tick, tasks.send_notices, tasks.sweep):
        task()
    for issue_id in (restored.leaving, restored.scheduled):
        _send(issue_id, restored.sink, settings)
    assert len(restored.sink.envelopes) == before
    with transaction() as db:
        rows = select(Delivery.state, Delivery.subscriber_id.is_(None)).where(
            Delivery.issue_id == restored.leaving
        )
        assert Counter(state.value for state, _ in db.execute(rows)) == {"unknown": 5}
        assert db.get_one(Issue, restored.leaving).state is IssueState.PAUSED
        assert set(db.scalars(select(Notice.state).where(Notice.created_at <= EPOCH))) == {"unknown"}


def test_whoever_moved_is_written_to_again_once_they_said_so(
    restored: Installation, settings: Settings
) -> None:
    _done("restore", "replay", "--yes")
    with transaction() as db:
        newsletter = db.scalars(select(Newsletter)).one()
        decided = sign_up(db, newsletter, MOVED, now=utcnow())
        assert decided
        subscriptions.confirm(db, decided.subscription_id, now=utcnow())
        issue = make_scheduled_issue(db, newsletter, "After.")
        audience.freeze(db, issue.id, now=utcnow())
    before = len(restored.sink.envelopes)
    _send(issue.id, restored.sink, settings)
    written_to = [envelope.rcpt_tos[0] for envelope in restored.sink.envelopes[before:]]
    assert sorted(written_to) == [MOVED, D]


def test_replaying_twice_changes_nothing_more(restored: Installation) -> None:
    assert "stays disarmed" in _refused("restore", "replay", answer="n\n")
    with transaction() as db:
        before = db.scalar(select(func.count()).select_from(ConsentPayload))
        of = db.scalars(select(Restoration)).one()
        assert of.replayed_at
        assert of.armed_at is None
    report = _done("restore", "replay", "--yes")
    assert {report[name] for name in ("erased", "withdrawn", "suppressed", "moved", "cases")} == {0}
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(ConsentPayload)) == before
    assert "nothing to replay" in _refused("restore", "replay", "--yes")


def test_no_session_of_the_desk_comes_back(restored: Installation) -> None:
    """Some had ended since: by a logout, by a new password."""
    _done("restore", "replay", "--yes")
    with transaction() as db:
        staff = db.scalars(select(Staff.id)).one()
        assert sessions.listing(db, staff, now=utcnow()) == []


def test_a_person_confirms_which_machines_were_replayed(restored: Installation) -> None:
    result = _run("restore", "replay", answer="y\n")
    assert result.exit_code == 0
    assert appendonly.host() in result.output
    with transaction() as db:
        assert not restore_lock.disarmed(db)


def _gone(path: Path) -> None:
    path.unlink()


def _shortened(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2]))


def _of_another_database(path: Path) -> None:
    path.unlink()
    with transaction() as db:
        db.execute(delete(HostPosition))
    for _ in range(40):
        with transaction() as db:
            decisions.write(db, Decision.CASE, decisions.NOBODY, subject=uuid4(), detail="access")
    shutil.rmtree(decisions.folder().parent / anchors.FOLDER)  # which knew that one


def _altered(path: Path) -> None:
    path.write_text(path.read_text().replace("erasure", "restriction", 1))


@pytest.mark.parametrize(
    ("harm", "said"),
    [(_gone, "is not in"), (_shortened, "lacks lines"), (_of_another_database, "not the log"),
     (_altered, "was altered")],
)  # fmt: skip
def test_a_log_that_is_missing_or_not_whole_refuses(
    restored: Installation, harm: Callable[[Path], None], said: str
) -> None:
    (path,) = appendonly.files(decisions.folder())
    kept = path.read_bytes()
    harm(path)
    assert said in _refused("restore", "replay", "--yes")
    with transaction() as db:
        assert restore_lock.disarmed(db)
        assert _state(db, A) is SubscriptionState.ACTIVE
    path.write_bytes(kept)
    assert _done("restore", "replay", "--yes")["armed"]


def test_another_machine_s_log_is_merged_by_time(restored: Installation) -> None:
    """Its own name is in what it seals: here it is written as that machine would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(appendonly, "host", lambda: "second")
        with transaction() as db:
            newsletter_id = db.get_one(Issue, restored.leaving).newsletter_id
            fingerprint = fingerprint_of(D)
            decisions.write(db, Decision.WITHDRAWAL, fingerprint, subject=newsletter_id, detail="link")
    report = _done("restore", "replay", "--yes")
    assert set(report["logs"]) == {appendonly.host(), "second"}
    with transaction() as db:
        assert _state(db, D) is SubscriptionState.ENDED


def test_a_database_that_holds_something_is_left_alone(installation: Installation) -> None:
    assert "not empty" in _refused("restore", installation.backup, "--key-file", installation.key)
    with transaction() as db:
        assert _state(db, B) is SubscriptionState.ENDED


@pytest.mark.parametrize("cut", [100, 70_000])
def test_a_backup_that_is_not_whole_leaves_the_database_empty(
    installation: Installation, settings: Settings, cut: int
) -> None:
    content = installation.backup.read_bytes()
    installation.backup.write_bytes(content[:-cut] if cut < len(content) else content[: len(content) // 2])
    with fresh_database(settings):
        assert "not whole" in _refused("restore", installation.backup, "--key-file", installation.key)
        installation.backup.write_bytes(content)
        _restore(installation)


def test_another_key_does_not_open_it(installation: Installation, settings: Settings, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    _done("restore", "key", "--out", other)
    with fresh_database(settings):
        assert "another key" in _refused("restore", installation.backup, "--key-file", other)
        assert "no private key" in _refused("restore", installation.backup, "--key-file", installation.backup)


def test_a_backup_says_nothing_without_its_key(installation: Installation) -> None:
    content = installation.backup.read_bytes()
    assert content.startswith(b"age-encryption.org/v1")
    assert b"example.org" not in content
    assert installation.backup.stat().st_mode & 0o077 == 0
    assert [path.suffix for path in installation.backup.parent.iterdir()] == [".age"]


def test_a_key_that_is_none_is_refused_before_anything_is_written(clean: None, tmp_path: Path) -> None:
    assert "no public key" in _refused("backup", "--out", tmp_path / "b", "--recipient-key", "age1nothing")
    assert not (tmp_path / "b").exists()


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    _done("restore", "key", "--out", tmp_path / "key.txt")
    kept = (tmp_path / "key.txt").read_text()
    assert "left as it is" in _refused("restore", "key", "--out", tmp_path / "key.txt")
    assert (tmp_path / "key.txt").read_text() == kept
