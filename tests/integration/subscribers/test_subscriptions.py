"""From the sign-up form to the goodbye, on the real database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.db import transaction
from mailer.core.fingerprint import fingerprint_of
from mailer.newsletters.models import Newsletter
from mailer.privacy.rights import moves
from mailer.subscribers import subscriptions
from mailer.subscribers.consent import consent_file
from mailer.subscribers.consent.models import ConsentEvent, ConsentPayload
from mailer.subscribers.eligibility import Why, fold
from mailer.subscribers.models import (
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from mailer.subscribers.subscriptions import Confirmation
from tests.support.make import import_people, make_newsletter, make_pending
from tests.support.waiting import PATIENCE, somebody_waits, until

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_nobody_is_active_before_confirming(db: Session) -> None:
    subscription = make_pending(db, make_newsletter(db), now=NOW)
    assert subscription.state is SubscriptionState.PENDING
    assert subscription.consent_id is None
    assert subscriptions.confirm(db, subscription.id, now=NOW) is Confirmation.CONFIRMED
    assert subscriptions.confirm(db, subscription.id, now=NOW) is Confirmation.ALREADY
    assert subscription.consent_id


def test_withdrawing_is_idempotent_and_leaves_a_foldable_file(db: Session) -> None:
    subscription = make_pending(db, make_newsletter(db), now=NOW)
    subscriptions.confirm(db, subscription.id, now=NOW)
    assert subscriptions.withdraw(db, subscription.id, channel="link", now=NOW)
    assert not subscriptions.withdraw(db, subscription.id, channel="link", now=NOW)
    events = select(ConsentPayload.kind).join(ConsentEvent, ConsentEvent.id == ConsentPayload.event_id)
    assert fold(db.scalars(events.order_by(ConsentEvent.seq))) is SubscriptionState.ENDED
    assert subscriptions.confirm(db, subscription.id, now=NOW) is Confirmation.GONE


def test_a_word_said_while_the_address_changes_goes_under_the_new_one(clean: None) -> None:
    with transaction() as db:
        of = make_pending(db, make_newsletter(db), now=NOW).id
    with ThreadPoolExecutor(1) as pool:
        with transaction() as db:
            subscriber = db.scalars(select(Subscriber)).one()
            moves.move(db, subscriber, "new@example.org", now=NOW)
            confirming = pool.submit(_confirm, of)
            until(lambda: somebody_waits(db) or confirming.done())
        assert confirming.result(PATIENCE) is Confirmation.CONFIRMED
    with transaction() as db:
        [letter] = consent_file.draw(db, "new@example.org", {}, now=NOW).letters
        assert (letter.standing.why, letter.standing.may_write) == (Why.CONFIRMED, True)


def _confirm(subscription_id: UUID) -> Confirmation:
    with transaction() as db:
        return subscriptions.confirm(db, subscription_id, now=NOW)


def _import(db: Session, newsletter: Newsletter, agreed: datetime) -> str:
    return import_people(db, newsletter, ["zoe@example.org"], agreed=agreed, now=NOW)[0]


def test_an_import_resurrects_nobody(db: Session) -> None:
    newsletter = make_newsletter(db)
    assert _import(db, newsletter, NOW - timedelta(days=9)) == "new"
    assert _import(db, newsletter, NOW - timedelta(days=9)) == "known"
    subscription = db.scalars(select(Subscription)).one()
    subscriptions.withdraw(db, subscription.id, channel="link", now=NOW - timedelta(days=1))
    assert _import(db, newsletter, NOW - timedelta(days=9)) == "withdrawn"
    assert _import(db, newsletter, NOW - timedelta(hours=1)) == "new"


def test_an_import_never_lifts_a_suppression_and_a_confirmation_does(db: Session) -> None:
    newsletter = make_newsletter(db)
    fingerprint = fingerprint_of("zoe@example.org")
    db.add(Suppression(fingerprint=fingerprint, reason=SuppressionReason.OBJECTED, at=NOW))
    db.flush()
    assert _import(db, newsletter, NOW) == "suppressed"
    subscription = make_pending(db, newsletter, now=NOW)
    subscriptions.confirm(db, subscription.id, now=NOW)
    assert db.get(Suppression, fingerprint, populate_existing=True) is None
