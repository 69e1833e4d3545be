"""What a verification leads to: it is kept, told, and disarms where somebody could be written to wrongly."""

import json

import pytest
from sqlalchemy import select, update

from mailer import tasks
from mailer.backup import replay
from mailer.backup.replay import Replay
from mailer.core import restore_lock
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.monitoring import alarms
from mailer.privacy.rights import objection
from mailer.subscribers.consent import verification
from mailer.subscribers.consent.faults import Fault
from mailer.subscribers.consent.models import VerifiedUpTo
from mailer.subscribers.consent.verify import Verification
from mailer.subscribers.models import Suppression, SuppressionReason
from tests.support.commands import mailer
from tests.support.forgery import forge, write_to
from tests.support.make import EPOCH, import_people, make_newsletter

ZOE, ANNE = "zoe@example.org", "anne@example.org"


@pytest.fixture
def people(clean: None) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db)
        import_people(db, newsletter, [ZOE], informed_at=EPOCH)
    with transaction() as db:
        objection.object_to(db, email="no@example.org", locale="fr", now=EPOCH)


def _run(*, whole: bool = True) -> Verification:
    with transaction() as db:
        return verification.run(db, whole=whole, now=utcnow())


def _alarms() -> dict[str, str]:
    with transaction() as db:
        return {each.kind: each.sentence("en") for each in alarms.find(db, now=utcnow())}


def _disarmed() -> bool:
    with transaction() as db:
        return restore_lock.disarmed(db)


def test_a_suppression_taken_out_disarms_and_the_replay_puts_it_back(people: None) -> None:
    assert _run().whole
    forge("DELETE FROM suppression")
    broken = _run().broken
    assert broken
    assert (broken.fault, _disarmed()) == (Fault.SUPPRESSION_DELETED, True)
    assert fingerprint_of("no@example.org").hex() in _alarms()["contradicted"]
    replaying = Replay()
    report = replaying.run(clock=utcnow, progress=lambda _: None)
    assert (report.suppressed, report.stopped.deliveries) == (1, 0)
    with transaction() as db:
        replay.arm(db, now=utcnow())
        assert db.get_one(Suppression, fingerprint_of("no@example.org")).reason is SuppressionReason.OBJECTED
    assert _run().whole
    assert not _disarmed()
    assert not {"contradicted", "evidence"} & set(_alarms())


def test_what_a_person_armed_in_spite_of_does_not_disarm_again_and_is_told(people: None) -> None:
    forge("UPDATE consent_payload SET channel = 'form'")
    assert _run().broken
    assert _disarmed()
    Replay().run(clock=utcnow, progress=lambda _: None)
    with transaction() as db:
        replay.arm(db, now=utcnow())
    broken = _run().broken
    assert broken
    assert (broken.fault, _disarmed()) == (Fault.PAYLOAD_EDITED, False)
    assert "event" in _alarms()["evidence"]


def test_evidence_alone_is_told_and_disarms_nothing(people: None) -> None:
    write_to("thief@example.org", instead_of=ZOE)
    assert _run().broken
    assert not _disarmed()
    assert "subscriber" in _alarms()["evidence"]


def test_only_what_is_new_is_verified(people: None) -> None:
    assert _run().events == 1
    with transaction() as db:
        import_people(db, make_newsletter(db, slug="autre"), [ANNE], informed_at=EPOCH)
    found = _run(whole=False)
    assert (found.whole, found.events, found.anchors) == (True, 1, 1)
    forge("UPDATE consent_payload SET channel = 'form' WHERE fingerprint = :who", who=fingerprint_of(ANNE))
    assert _run(whole=False).whole  # verified before: the whole verification of the night finds it
    found = _run()
    assert found.broken
    again = _run(whole=False)  # it goes on from where all held, and the alarm stays until the whole holds
    assert (again.events, "evidence" in _alarms()) == (0, True)


def test_nobody_without_the_key_has_a_part_passed_over(people: None) -> None:
    assert _run().whole
    forge("UPDATE consent_payload SET channel = 'form'")
    with transaction() as db:
        db.execute(update(VerifiedUpTo).values(seq=VerifiedUpTo.seq + 0, anchors={"x": 1}))
        assert verification.verified(db) is None
    broken = _run(whole=False).broken
    assert broken
    assert broken.fault is Fault.PAYLOAD_EDITED


def test_an_event_verified_before_that_is_gone(people: None) -> None:
    assert _run().whole
    forge("DELETE FROM consent_payload", "DELETE FROM consent_event")
    broken = _run(whole=False).broken
    assert broken
    assert (broken.fault, broken.disarms) == (Fault.CUT, True)


def test_the_night_verifies_all_and_an_hour_what_is_new(people: None) -> None:
    with transaction() as db:
        assert verification.due(db, now=utcnow())
    tasks.keep()
    with transaction() as db:
        assert db.scalars(select(VerifiedUpTo)).one().fault is None
        assert not verification.due(db, now=utcnow())
        assert verification.due(db, now=utcnow() + verification.EVERY)
    tasks.verify()


def test_the_command_disarms_too(people: None) -> None:
    done = mailer("consent", "verify", "--json")
    assert (done.returncode, json.loads(done.stdout)["whole"]) == (0, True)
    forge("DELETE FROM suppression")
    done = mailer("consent", "verify", "--new", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["fault"]) == (1, "suppression deleted")
    assert "fingerprint" in said["first_break"]
    assert _disarmed()
