"""What the owner of the database can forge, and the folder lose: `verify` finds it, and names the place."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from mailer.core.db import engine, transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.privacy.rights import objection, restriction
from mailer.subscribers import subscribers, subscriptions, suppressions
from mailer.subscribers.consent import anchors, verify, wordings
from mailer.subscribers.consent.faults import Break, Fault
from mailer.subscribers.consent.models import ConsentEvent
from mailer.subscribers.models import Subscriber, Subscription, SuppressionReason
from mailer.subscribers.suppressions import SuppressedAddress
from tests.support.forgery import forge, rest_on, write_to
from tests.support.make import EPOCH, import_people, make_newsletter, make_pending

ZOE, ANNE, PAUL = "zoe@example.org", "anne@example.org", "paul@example.org"


@pytest.fixture
def people(clean: None, settings: Settings) -> None:
    """Zoé confirmed, Anne was imported and left, Paul was imported and has moved, others said no."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        subscription = make_pending(db, newsletter, email=ZOE, now=EPOCH)
        subscriptions.confirm(db, subscription.id, now=EPOCH)
    with transaction() as db:
        import_people(db, newsletter, [ANNE, "old@example.org"], informed_at=EPOCH)
    with transaction() as db:
        subscriptions.withdraw(db, _of(db, ANNE).id, channel="link", now=EPOCH)
        paul = db.scalars(select(Subscriber).where(Subscriber.email == "old@example.org")).one()
        subscribers.move(db, paul, PAUL, channel="rectification", now=EPOCH)
    with transaction() as db:
        objection.object_to(db, email="no@example.org", locale="fr", now=EPOCH)
        barred = SuppressedAddress(fingerprint_of("dead@example.org"), SuppressionReason.HARD_BOUNCE, EPOCH)
        suppressions.add(db, [barred])
        zoe = db.scalars(select(Subscriber).where(Subscriber.email == ZOE)).one()
        restriction.restrict(db, zoe, now=EPOCH)
    assert _broken() is None


def _of(db: Session, email: str) -> Subscription:
    joined = select(Subscription).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
    return db.scalars(joined.where(Subscriber.email == email)).one()


def _broken() -> Break | None:
    with transaction() as db:
        return verify.verify(db, now=utcnow() + timedelta(minutes=5)).broken


def wording() -> None:
    assert forge("UPDATE wording SET text = text || ' And by telephone.'") == 1


def another_s_consent() -> None:
    rest_on(PAUL, ZOE, "confirmed")


def revoked_consent() -> None:
    rest_on(ANNE, ANNE)


def replaced_address() -> None:
    write_to("thief@example.org", instead_of=ZOE)


def objection_deleted() -> None:
    assert forge("DELETE FROM suppression WHERE reason = 'objected'") == 1


def bounce_deleted() -> None:
    assert forge("DELETE FROM suppression WHERE reason = 'hard_bounce'") == 1


def restriction_deleted() -> None:
    assert forge("UPDATE subscriber SET restricted_at = NULL WHERE restricted_at IS NOT NULL") == 1


FORGERIES: dict[Callable[[], None], tuple[Fault, str, bool]] = {
    wording: (Fault.WORDING_EDITED, "shown in 1 events", False),
    another_s_consent: (Fault.UNPROVEN, "subscription ", False),
    revoked_consent: (Fault.UNPROVEN, "subscription ", False),
    replaced_address: (Fault.ADDRESS_REPLACED, "subscriber ", False),
    objection_deleted: (Fault.SUPPRESSION_DELETED, "fingerprint ", True),
    bounce_deleted: (Fault.SUPPRESSION_DELETED, "fingerprint ", True),
    restriction_deleted: (Fault.RESTRICTION_DELETED, "fingerprint ", True),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_found_and_its_place_named(people: None, forgery: Callable[[], None]) -> None:
    forgery()
    broken = _broken()
    assert broken
    fault, place, disarms = FORGERIES[forgery]
    assert (broken.fault, broken.disarms) == (fault, disarms)
    assert place in broken.sentence
    assert "@" not in broken.sentence


def test_a_suppression_that_its_person_lifted_is_not_missed(people: None) -> None:
    with transaction() as db:
        assert suppressions.remove(db, fingerprint_of("dead@example.org"))
        objection.object_to(db, email=PAUL, locale="fr", now=EPOCH)
    with transaction() as db:
        shown = wordings.keeping_wording("L’association", "fr")
        subscriptions.renew(db, _of(db, PAUL).id, wording=shown, now=EPOCH)
    assert _broken() is None


def _anchors(settings: Settings) -> list[bytes]:
    (file,) = (settings.data_dir / anchors.FOLDER).iterdir()
    return file.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("kept", [slice(-1), slice(1), slice(1, None), slice(0)])
def test_anchors_cut(people: None, settings: Settings, kept: slice) -> None:
    (file,) = (settings.data_dir / anchors.FOLDER).iterdir()
    file.write_bytes(b"".join(_anchors(settings)[kept]))
    broken = _broken()
    assert broken
    assert broken.fault is Fault.ANCHORS_CUT
    assert str(file) in broken.sentence


def test_the_whole_file_of_anchors_gone(people: None, settings: Settings) -> None:
    (file,) = (settings.data_dir / anchors.FOLDER).iterdir()
    file.unlink()
    broken = _broken()
    assert broken
    assert (broken.fault, str(file) in broken.sentence) == (Fault.ANCHORS_CUT, True)
    with transaction() as db:  # and it does not heal by going on
        import_people(db, make_newsletter(db, slug="autre"), ["new@example.org"], informed_at=EPOCH)
    broken = _broken()
    assert broken
    assert broken.fault is Fault.ANCHORS_CUT


@pytest.mark.parametrize("statement", ["UPDATE wording SET text = 'x'", "DELETE FROM wording"])
def test_the_database_itself_refuses_to_change_a_wording(people: None, statement: str) -> None:
    with engine().connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(statement))


def test_the_chain_itself_comes_first(people: None) -> None:
    forge(
        "UPDATE wording SET text = 'x'",
        "DELETE FROM consent_event WHERE seq = (SELECT min(seq) + 1 FROM consent_event)",
    )
    broken = _broken()
    assert broken
    with transaction() as db:
        assert broken.seq in set(db.scalars(select(ConsentEvent.seq)))
    assert (broken.fault, broken.disarms) == (Fault.DELETED, True)
