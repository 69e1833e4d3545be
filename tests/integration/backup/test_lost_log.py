"""A privacy log that is lost for good: a person says so by name, and nobody in doubt is written to."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.backup import current
from mailer.backup.fold import LogMissing
from mailer.backup.replay import Replay
from mailer.core import appendonly
from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.monitoring import alarms, lifecycle
from mailer.monitoring.models import Alarm
from mailer.newsletters.models import Newsletter
from mailer.notices.models import Notice
from mailer.privacylog import decisions
from mailer.privacylog.models import HostPosition
from mailer.smtp.replies import DeliveryState
from mailer.staff.models import Staff
from mailer.subscribers import subscriptions
from mailer.subscribers.consent import verify
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState
from tests.support.commands import facts, mailer
from tests.support.desk_rows import make_staff
from tests.support.fresh_database import fresh_database
from tests.support.make import EPOCH, import_people, make_newsletter, make_pending

GONE, STAYED, ASKED = (f"{name}@example.org" for name in ("gone", "stayed", "asked"))


def _of(db: Session, email: str) -> Subscription:
    joined = select(Subscription).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
    return db.scalars(joined.where(Subscriber.email == email)).one()


def _as_second() -> pytest.MonkeyPatch:
    patch = pytest.MonkeyPatch()
    patch.setattr(appendonly, "host", lambda: "second")
    return patch


@pytest.fixture
def restored(clean: None, settings: Settings, tmp_path: Path) -> Iterator[Newsletter]:
    """One who left on the second machine since, in a log that is lost; and one who said yes on the first."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        import_people(db, newsletter, [GONE, STAYED], informed_at=EPOCH)
        pending = make_pending(db, newsletter, email=ASKED, now=utcnow())
        make_staff(db)
    key, out = str(tmp_path / "key.txt"), str(tmp_path / "backups")
    public = facts("restore", "key", "--out", key)["public_key"]
    second = _as_second()
    with transaction() as db:
        decisions.write(db, decisions.Decision.BACKUP, decisions.NOBODY, subject=newsletter.id)
    second.undo()
    backup = facts("backup", "--out", out, "--recipient-key", public)["file"]
    with transaction() as db:
        subscriptions.confirm(db, pending.id, now=utcnow())
    second = _as_second()
    with transaction() as db:
        for email in (GONE, ASKED):
            subscriptions.withdraw(db, _of(db, email).id, channel="link", now=utcnow())
    second.undo()
    (decisions.folder() / "second.journal").unlink()
    with fresh_database(settings):
        facts("restore", backup, "--key-file", key)
        yield newsletter


def test_it_is_refused_until_somebody_names_it(restored: Newsletter) -> None:
    done = mailer("restore", "replay", "--yes")
    assert (done.returncode, "--without" in done.stderr, "second" in done.stderr) == (1, True, True)
    for name in ("third", appendonly.host()):
        done = mailer("restore", "replay", "--yes", "--without", "second", "--without", name)
        assert (done.returncode, name in done.stderr) == (1, True)
    with pytest.raises(LogMissing):
        Replay()


def test_nobody_in_doubt_is_written_to_and_each_is_listed(restored: Newsletter, tmp_path: Path) -> None:
    """Not even asked: who said yes on one machine may have left on the other."""
    lost = tmp_path / "lost.csv"
    report = facts("restore", "replay", "--yes", "--without", "second", "--lost", str(lost))
    assert (report["without"], report["unknown"], report["asked_again"]) == (["second"], 2, 0)
    listed = {tuple(line.split(",")) for line in lost.read_text().splitlines()[1:]}
    assert listed == {(fingerprint_of(who).hex(), str(restored.id)) for who in (GONE, STAYED, ASKED)}
    with transaction() as db:
        assert {_of(db, who).state for who in (GONE, STAYED)} == {SubscriptionState.ENDED}
        assert not db.scalars(select(Notice).where(Notice.state == DeliveryState.PENDING)).all()
        mine = ConsentPayload.fingerprint == fingerprint_of(STAYED), ConsentPayload.channel == "restore"
        assert db.scalars(select(ConsentPayload.kind).where(*mine)).all() == [ConsentKind.EXPIRED]
        assert verify.verify(db, now=utcnow()).whole
        (said,) = db.scalars(select(Audit).where(Audit.what == "restore replay"))
        assert said.details["without"] == ["second"]
        assert db.get(HostPosition, "second") is None


def test_the_machine_may_come_back_with_a_new_log(restored: Newsletter) -> None:
    facts("restore", "replay", "--yes", "--without", "second")
    second = _as_second()
    with transaction() as db:
        decisions.write(db, decisions.Decision.CASE, decisions.NOBODY, subject=restored.id, detail="access")
    second.undo()
    with transaction() as db:
        assert decisions.at_end(
            decisions.folder() / "second.journal", decisions.Position(*_position(db, "second"))
        )


def _position(db: Session, host: str) -> tuple[int, str]:
    row = db.get_one(HostPosition, host)
    return row.size, row.seal


def test_passwords_of_the_desk_are_to_be_set_anew(restored: Newsletter) -> None:
    """One of them may have been changed on that machine."""
    assert facts("restore", "replay", "--yes", "--without", "second")["passwords"] == 1
    assert [row["password"] for row in facts("staff", "list")] == ["to be set"]


def test_it_is_an_alarm_until_somebody_takes_it_on(restored: Newsletter) -> None:
    facts("restore", "replay", "--yes", "--without", "second")

    def look() -> list[alarms.ActiveAlarm]:
        with transaction() as db:
            found = [each for each in alarms.find(db, now=utcnow()) if each.kind == alarms.LOG_LOST]
            lifecycle.remember(db, found, now=utcnow())
        return found

    (found,) = look()
    assert "second" in found.sentence("fr")
    assert "2" in found.sentence("en")
    with transaction() as db:
        alarm = db.scalars(select(Alarm).where(Alarm.kind == alarms.LOG_LOST)).one()
        assert lifecycle.acknowledge(db, alarm.id, by="lea", now=utcnow())
    assert look() == []
    assert look() == []


def test_the_lines_of_an_old_file_still_count(restored: Newsletter, settings: Settings) -> None:
    """What is left of it was said: the replay only takes permission away."""
    second = _as_second()
    with transaction() as db:  # in the restored database, whose position of that host is the backup's
        decisions.forget_position(db, "second")
        decisions.write(
            db, decisions.Decision.SUPPRESSION, fingerprint_of("bounce@example.org"), detail="hard_bounce"
        )
    second.undo()
    assert mailer("restore", "replay", "--yes").returncode == 1
    report = facts("restore", "replay", "--yes", "--without", "second")
    assert (report["suppressed"], sorted(report["logs"])) == (1, sorted([appendonly.host(), "second"]))


def test_a_database_that_is_current_puts_nobody_in_doubt(clean: None) -> None:
    """It has all that its log held: the log alone is gone."""
    with transaction() as db:
        import_people(db, make_newsletter(db), [GONE, STAYED], informed_at=EPOCH)
        make_staff(db)
    with transaction() as db:
        subscriptions.withdraw(db, _of(db, GONE).id, channel="link", now=utcnow())
    shutil.rmtree(decisions.folder())
    with transaction() as db:
        assert not current.look(db, now=utcnow())
    report = facts("restore", "replay", "--yes", "--without", appendonly.host())
    assert (report["unknown"], report["passwords"]) == (0, 0)
    with transaction() as db:
        assert current.look(db, now=utcnow())
        assert _of(db, STAYED).state is SubscriptionState.ACTIVE
        subscriptions.withdraw(db, _of(db, STAYED).id, channel="link", now=utcnow())
    with transaction() as db:
        assert current.look(db, now=utcnow())
        assert list(db.scalars(select(Staff.password_hash))) != [""]
