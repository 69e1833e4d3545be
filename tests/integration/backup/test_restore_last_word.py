"""Several decisions of one person between a backup and its restore: the last holds, no yes is invented."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.newsletters.models import Newsletter
from mailer.privacy.cases import access_links
from mailer.privacy.models import AddressChange, RightsLink
from mailer.privacy.rights import address_undo, objection, rectification, restriction
from mailer.subscribers import subscribers, subscriptions
from mailer.subscribers.consent import verify
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.models import (
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from tests.support.commands import facts
from tests.support.fresh_database import fresh_database
from tests.support.make import EPOCH, erase, make_newsletter, make_pending, sign_up
from tests.support.moves import let_undo_lapse

MOVED, BACK, FRESH, BARRED, RETURNED, STILL = (
    f"{name}@example.org" for name in ("moved", "back", "fresh", "barred", "returned", "still")
)
NEW = "new@elsewhere.example.org"


def _subscribe(db: Session, email: str) -> None:
    decided = sign_up(db, db.scalars(select(Newsletter)).one(), email, now=utcnow())
    assert decided
    subscriptions.confirm(db, decided.subscription_id, now=utcnow())


def _move(db: Session, old: str, new: str) -> None:
    """Asked for behind a link, and confirmed from the new mailbox."""
    link = db.get_one(RightsLink, access_links.send(db, email=old, locale="fr", now=utcnow()))
    subscriber = db.scalars(select(Subscriber).where(Subscriber.email == old)).one()
    rectification.ask(db, link, subscriber, new, now=utcnow())
    change = db.scalars(select(AddressChange.id).where(AddressChange.old_email == old)).one()
    assert rectification.confirm(db, change, now=utcnow()) is rectification.Change.DONE


def _erase(email: str, *, never_again: bool = False) -> None:
    with transaction() as db:
        erase(db, email, never_again=never_again, now=utcnow())


def _return(email: str) -> None:
    with transaction() as db:
        _subscribe(db, email)


def _days_go_by() -> None:
    """A transaction each, as at the doors."""
    with transaction() as db:
        _move(db, MOVED, NEW)
    let_undo_lapse()
    _erase(NEW, never_again=True)
    _erase(FRESH)
    _return(FRESH)
    _erase(RETURNED, never_again=True)
    _return(RETURNED)
    _erase(BARRED)
    _return(BARRED)
    with transaction() as db:
        objection.object_to(db, email=BARRED, locale="fr", now=utcnow())
    with transaction() as db:
        _move(db, BACK, "back@elsewhere.example.org")
        change = db.scalars(select(AddressChange.id).where(AddressChange.old_email == BACK)).one()
        assert address_undo.undo(db, change, now=utcnow()) is rectification.Change.DONE


def test_a_no_of_whoever_came_back_reaches_both_records_that_the_backup_knows(
    clean: None, settings: Settings, tmp_path: Path
) -> None:
    """It was made between the sign-up at the old address and the undo: one person in two records."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        subscriptions.confirm(db, make_pending(db, newsletter, email=BACK, now=EPOCH).id, now=EPOCH)
        _move(db, BACK, NEW)
    _return(BACK)
    key, out = str(tmp_path / "key.txt"), str(tmp_path / "backups")
    public = facts("restore", "key", "--out", key)["public_key"]
    backup = facts("backup", "--out", out, "--recipient-key", public)["file"]
    with transaction() as db:
        change = db.scalars(select(AddressChange.id)).one()
        assert address_undo.undo(db, change, now=utcnow()) is rectification.Change.DONE
    with transaction() as db:
        assert _known(db) == {BACK}
        whose = db.scalars(select(Subscriber)).one()
        restriction.restrict(db, whose, now=utcnow())
        objection.withdraw(db, whose.fingerprint, now=utcnow())
    with fresh_database(settings):
        facts("restore", backup, "--key-file", key)
        facts("restore", "replay", "--yes")
        with transaction() as db:
            assert _known(db) == {BACK, NEW}
            assert set(db.scalars(select(Subscription.state))) == {SubscriptionState.ENDED}
            assert all(db.scalars(select(Subscriber.restricted_at)))


def test_a_pause_and_a_restriction_that_came_with_the_undo_are_kept(
    clean: None, settings: Settings, tmp_path: Path
) -> None:
    """They were of the record at the new address, before the backup; the old one had signed up again."""
    until = utcnow() + timedelta(days=90)
    with transaction() as db:
        newsletter = make_newsletter(db)
        subscriptions.confirm(db, make_pending(db, newsletter, email=BACK, now=EPOCH).id, now=EPOCH)
        _move(db, BACK, NEW)
        moved = db.scalars(select(Subscriber).where(Subscriber.email == NEW)).one()
        subscribers.pause(db, moved, until)
        restriction.restrict(db, moved, now=utcnow())
    _return(BACK)
    key, out = str(tmp_path / "key.txt"), str(tmp_path / "backups")
    public = facts("restore", "key", "--out", key)["public_key"]
    backup = facts("backup", "--out", out, "--recipient-key", public)["file"]
    with transaction() as db:
        change = db.scalars(select(AddressChange.id)).one()
        assert address_undo.undo(db, change, now=utcnow()) is rectification.Change.DONE
        kept = db.scalars(select(Subscriber)).one()
        assert (kept.email, kept.paused_until, kept.restricted_at is None) == (BACK, until, False)
    with fresh_database(settings):
        facts("restore", backup, "--key-file", key)
        facts("restore", "replay", "--yes")
        with transaction() as db:
            back = db.scalars(select(Subscriber).where(Subscriber.email == BACK)).one()
            assert (back.paused_until, back.restricted_at is None) == (until, False)


@pytest.fixture
def restored(clean: None, settings: Settings, tmp_path: Path) -> Iterator[dict[str, int]]:
    """The backup that knows them as they were, restored and replayed in an empty database; the report."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        for email in (MOVED, BACK, FRESH, BARRED, RETURNED, STILL):
            subscriptions.confirm(db, make_pending(db, newsletter, email=email, now=EPOCH).id, now=EPOCH)
    key, out = str(tmp_path / "key.txt"), str(tmp_path / "backups")
    public = facts("restore", "key", "--out", key)["public_key"]
    backup = facts("backup", "--out", out, "--recipient-key", public)["file"]
    _days_go_by()
    with fresh_database(settings):
        facts("restore", backup, "--key-file", key)
        yield facts("restore", "replay", "--yes")


def _known(db: Session) -> set[str]:
    return set(db.scalars(select(Subscriber.email)))


def test_the_last_word_holds(restored: dict[str, int]) -> None:
    with transaction() as db:
        assert _known(db) == {BACK, STILL}
        active = select(Subscriber.email).join(Subscription, Subscription.subscriber_id == Subscriber.id)
        assert set(db.scalars(active.where(Subscription.state == SubscriptionState.ACTIVE))) == {BACK, STILL}
        barred = {row.fingerprint: row.reason for row in db.scalars(select(Suppression))}
        assert barred == {
            fingerprint_of(NEW): SuppressionReason.ERASED,
            fingerprint_of(BARRED): SuppressionReason.OBJECTED,
        }
        assert verify.verify(db, now=utcnow()).whole
    counted = {name: restored[name] for name in ("erased", "moved", "agreed_since", "suppressed")}
    assert counted == {"erased": 4, "moved": 0, "agreed_since": 2, "suppressed": 2}


def test_whoever_came_back_says_so_again_and_is_written_to(restored: dict[str, int]) -> None:
    """Nobody who had returned is held to the never again of before."""
    with transaction() as db:
        for email in (FRESH, RETURNED):
            _subscribe(db, email)
        assert _known(db) == {BACK, STILL, FRESH, RETURNED}
        assert db.scalar(select(func.count()).select_from(Suppression)) == 2


def test_an_erasure_is_evidence_under_both_addresses(restored: dict[str, int]) -> None:
    with transaction() as db:
        for email in (MOVED, FRESH):
            mine = ConsentPayload.fingerprint == fingerprint_of(email)
            kinds = list(db.scalars(select(ConsentPayload.kind).where(mine).order_by(ConsentPayload.at)))
            assert kinds[-1] is ConsentKind.ERASED
