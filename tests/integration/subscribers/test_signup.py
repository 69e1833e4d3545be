"""What becomes of sign-ups: limits that hold whatever a robot does, and a purge."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from mailer.core import settings as settings_module
from mailer.core import throttle
from mailer.core.db import transaction
from mailer.core.fingerprint import fingerprint_of
from mailer.core.throttle import Throttle
from mailer.newsletters.models import Newsletter
from mailer.privacy.rights import moves
from mailer.subscribers import signup, subscriptions
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.models import (
    SignupRequest,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from mailer.subscribers.signup import Due
from mailer.subscribers.subscriptions import Confirmation
from tests.support.make import ask, import_people, make_newsletter, make_pending, sign_up
from tests.support.waiting import PATIENCE, somebody_waits, until

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(hours=24)
ZOE = "zoe@example.org"


@pytest.fixture
def newsletter(db: Session) -> Newsletter:
    return make_newsletter(db)


def count(db: Session, of: type) -> int:
    return db.scalar(select(func.count()).select_from(of)) or 0


def mails(db: Session, now: datetime) -> list[Due]:
    """Decide on all that is due; the mails it causes."""
    caused = []
    while asked := signup.next_due(db, now=now):
        decided = signup.decide(db, asked, now=now)
        db.flush()
        if decided:
            caused.append(decided.due)
    return caused


def test_one_confirmation_a_day(db: Session, newsletter: Newsletter) -> None:
    assert sign_up(db, newsletter, now=NOW)
    assert sign_up(db, newsletter, now=NOW + timedelta(hours=23)) is None
    assert sign_up(db, newsletter, now=NOW + timedelta(hours=25))


def test_every_spelling_of_a_mailbox_counts_as_one(db: Session, newsletter: Newsletter) -> None:
    for email in ("zoe.dupont@gmail.com", "z.o.e.dupont@gmail.com", "zoedupont+1@googlemail.com"):
        ask(db, newsletter, email, now=NOW)
    assert mails(db, NOW) == [Due.CONFIRMATION]
    assert count(db, Subscriber) == 1


def test_three_mails_a_day_for_all_newsletters(db: Session, newsletter: Newsletter) -> None:
    others = [make_newsletter(db, slug=f"other-{n}") for n in range(4)]
    for each in (newsletter, *others):
        ask(db, each, now=NOW)
    assert len(mails(db, NOW)) == 3


def test_a_reader_is_told_so(db: Session, newsletter: Newsletter) -> None:
    subscription = make_pending(db, newsletter, now=NOW)
    subscriptions.confirm(db, subscription.id, now=NOW)
    decided = sign_up(db, newsletter, now=NOW + DAY)
    assert decided
    assert decided.due is Due.ALREADY
    assert subscription.state is SubscriptionState.ACTIVE


def test_after_a_never_again_once_in_thirty_days(db: Session, newsletter: Newsletter) -> None:
    fingerprint = fingerprint_of(ZOE)
    db.add(Suppression(fingerprint=fingerprint, reason=SuppressionReason.OBJECTED, at=NOW))
    db.flush()
    days = [d for d in range(65) if sign_up(db, newsletter, now=NOW + d * DAY)]
    assert days == [0, 30, 60]


def test_a_suppressed_reader_must_confirm_anew(db: Session, newsletter: Newsletter) -> None:
    subscription = make_pending(db, newsletter, now=NOW)
    subscriptions.confirm(db, subscription.id, now=NOW)
    fingerprint = fingerprint_of(ZOE)
    db.add(Suppression(fingerprint=fingerprint, reason=SuppressionReason.HARD_BOUNCE, at=NOW))
    db.flush()
    decided = sign_up(db, newsletter, now=NOW + DAY)
    assert decided
    assert decided.due is Due.CONFIRMATION
    subscriptions.confirm(db, subscription.id, now=NOW + DAY)
    assert db.get(Suppression, fingerprint, populate_existing=True) is None


def test_a_sign_up_decided_while_another_is_confirmed_waits_for_it(clean: None) -> None:
    """Both touch the subscription, then the suppression: in one order, or each would wait for the other."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        of = make_pending(db, newsletter, now=NOW).id
        subscriptions.confirm(db, of, now=NOW)
        fingerprint = fingerprint_of(ZOE)
        db.add(Suppression(fingerprint=fingerprint, reason=SuppressionReason.HARD_BOUNCE, at=NOW))
        ask(db, newsletter, now=NOW + DAY)
    with ThreadPoolExecutor(1) as pool:
        with transaction() as db:
            db.get(Subscription, of, with_for_update=True)
            deciding = pool.submit(decide_next)
            until(lambda: somebody_waits(db) or deciding.done())
            assert subscriptions.confirm(db, of, now=NOW + DAY) is Confirmation.CONFIRMED
        assert deciding.result(PATIENCE) is Due.ALREADY


def test_a_sign_up_under_an_address_that_is_being_left_is_of_somebody_new(clean: None) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db)
        of = make_pending(db, newsletter, now=NOW).id
        subscriptions.confirm(db, of, now=NOW)
        subscriptions.withdraw(db, of, channel="link", now=NOW)
        ask(db, newsletter, now=NOW + DAY)
    with ThreadPoolExecutor(1) as pool:
        with transaction() as db:
            db.get(Subscription, of, with_for_update=True)
            deciding = pool.submit(decide_next)
            until(lambda: somebody_waits(db) or deciding.done())
            moves.move(db, db.scalars(select(Subscriber)).one(), "new@example.org", now=NOW)
        assert deciding.result(PATIENCE) is Due.CONFIRMATION
    with transaction() as db:
        assert db.get_one(Subscription, of).state is SubscriptionState.ENDED
        assert set(db.scalars(select(Subscriber.email))) == {ZOE, "new@example.org"}


def decide_next() -> Due | None:
    with transaction() as db:
        [due] = mails(db, NOW + DAY)
        return due


def test_a_purge_waits_for_nobody_and_keeps_nobody_waiting(clean: None) -> None:
    with transaction() as db:
        make_pending(db, make_newsletter(db), now=NOW)
    with transaction() as db:
        db.scalars(select(Subscriber).with_for_update()).one()  # as their preferences do
        with transaction() as other:
            other.execute(text("SET LOCAL lock_timeout = '5s'"))
            assert signup.purge(other, now=NOW + 8 * DAY) == 0
    with transaction() as db:
        assert signup.purge(db, now=NOW + 8 * DAY) == 1


def test_too_many_wait_and_none_is_lost(
    db: Session, newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_SIGNUPS_PER_HOUR", "4")
    settings_module.settings.cache_clear()
    try:
        for n in range(4):
            ask(db, newsletter, f"r{n}@example.org", now=NOW)
        assert len(mails(db, NOW)) == 2  # half of it for one provider
        assert signup.breaker(db, now=NOW) is None
        for n in range(4):
            ask(db, newsletter, f"r{n}@example.com", now=NOW)
        assert len(mails(db, NOW)) == 2
        assert signup.breaker(db, now=NOW) == NOW + timedelta(hours=1)
        assert count(db, SignupRequest) == 4
        assert not signup.waiting(db, now=NOW)
        later = NOW + timedelta(hours=1)
        assert len(mails(db, later)) == 4
        assert count(db, SignupRequest) == 0
    finally:
        monkeypatch.undo()
        settings_module.settings.cache_clear()


def test_a_stranger_renames_nobody(db: Session, newsletter: Newsletter) -> None:
    subscription = make_pending(db, newsletter, now=NOW, name="Win money")
    sign_up(db, newsletter, now=NOW + DAY, name="Zoé")
    subscriber = db.get_one(Subscriber, subscription.subscriber_id)
    assert subscriber.name == "Zoé"
    subscriptions.confirm(db, subscription.id, now=NOW + DAY)
    subscriptions.withdraw(db, subscription.id, channel="link", now=NOW + DAY)
    sign_up(db, newsletter, now=NOW + 2 * DAY, name="Win money", locale="en")
    assert (subscriber.name, subscriber.locale) == ("Zoé", "fr")


def test_what_is_not_confirmed_is_forgotten(db: Session, newsletter: Newsletter) -> None:
    make_pending(db, newsletter, now=NOW)
    assert signup.purge(db, now=NOW + 6 * DAY) == 0
    assert signup.purge(db, now=NOW + 7 * DAY) == 1
    assert signup.purge(db, now=NOW + 7 * DAY) == 0
    assert count(db, Subscriber) == count(db, Subscription) == 0
    kinds = db.scalars(select(ConsentPayload.kind).order_by(ConsentPayload.at)).all()
    assert kinds == [ConsentKind.REQUESTED, ConsentKind.EXPIRED]


def test_a_sign_up_nobody_confirmed_is_no_refusal(db: Session, newsletter: Newsletter) -> None:
    make_pending(db, newsletter, now=NOW)
    signup.purge(db, now=NOW + 7 * DAY)
    assert import_people(db, newsletter, [ZOE], agreed=NOW, now=NOW + 8 * DAY) == ["new"]


def test_whoever_had_been_a_reader_stays_as_one_who_left(db: Session, newsletter: Newsletter) -> None:
    subscription = make_pending(db, newsletter, now=NOW)
    subscriptions.confirm(db, subscription.id, now=NOW)
    subscriptions.withdraw(db, subscription.id, channel="link", now=NOW)
    sign_up(db, newsletter, now=NOW + DAY)
    assert signup.purge(db, now=NOW + 8 * DAY) == 1
    assert db.get_one(Subscription, subscription.id).state is SubscriptionState.ENDED


def test_limits_are_kept_no_longer_than_a_day_and_name_nobody(db: Session, newsletter: Newsletter) -> None:
    sign_up(db, newsletter, now=NOW)
    kept = db.scalar(text("SELECT string_agg(CAST(throttle.* AS text), ' ') FROM throttle"))
    assert "zoe" not in kept
    assert "example" not in kept
    throttle.forget(db, now=NOW + DAY)
    assert count(db, Throttle) == 0
