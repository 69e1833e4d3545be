"""A subscription is one person's, to one newsletter: kept by triggers as a foreign key would."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mailer.core.db import transaction
from mailer.newsletters.models import Newsletter
from mailer.subscribers import subscriptions
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState
from tests.support.make import EPOCH, make_newsletter
from tests.support.waiting import PATIENCE, somebody_waits, until

pytestmark = pytest.mark.usefixtures("clean")
ZOE = "zoe@example.org"


def _add(db: Session, subscriber_id: UUID, newsletter_id: UUID) -> None:
    pending = SubscriptionState.PENDING
    db.add(
        Subscription(
            subscriber_id=subscriber_id, newsletter_id=newsletter_id, state=pending, changed_at=EPOCH
        )
    )
    db.flush()


def _zoe(db: Session) -> UUID:
    return subscriptions.subscriber_for(db, ZOE, None, "fr", EPOCH).id


def _subscriptions() -> int:
    with transaction() as db:
        return db.scalar(select(func.count()).select_from(Subscription)) or 0


def test_a_subscription_is_somebodys() -> None:
    with pytest.raises(IntegrityError, match="is somebody's"), transaction() as db:
        _add(db, uuid4(), make_newsletter(db).id)


def test_a_subscription_is_to_a_newsletter() -> None:
    with pytest.raises(IntegrityError, match="is to a newsletter"), transaction() as db:
        _add(db, _zoe(db), uuid4())


@pytest.mark.parametrize("end", ["subscriber_id", "newsletter_id"])
def test_a_subscription_keeps_its_ends(end: str) -> None:
    with transaction() as db:
        _add(db, _zoe(db), make_newsletter(db).id)
        others = {
            "subscriber_id": subscriptions.subscriber_for(db, "nina@example.org", None, "fr", EPOCH).id,
            "newsletter_id": make_newsletter(db, slug="other").id,
        }
    with pytest.raises(IntegrityError, match="stays one person's"), transaction() as db:
        db.execute(update(Subscription).values({end: others[end]}))


def test_a_newsletter_stays_while_anybody_subscribes() -> None:
    with transaction() as db:
        newsletter_id = make_newsletter(db).id
        _add(db, _zoe(db), newsletter_id)
    with pytest.raises(IntegrityError, match="a newsletter stays"), transaction() as db:
        db.execute(delete(Newsletter).where(Newsletter.id == newsletter_id))


def test_who_is_deleted_takes_their_subscriptions_along() -> None:
    with transaction() as db:
        _add(db, _zoe(db), make_newsletter(db).id)
    assert _subscriptions() == 1
    with transaction() as db:
        db.execute(delete(Subscriber))
    assert _subscriptions() == 0


def test_a_deletion_waits_for_a_subscription_under_way_and_takes_it_along() -> None:
    with transaction() as db:
        zoe, newsletter_id = _zoe(db), make_newsletter(db).id

    def erase() -> None:
        with transaction() as db:
            db.execute(delete(Subscriber).where(Subscriber.id == zoe))

    with ThreadPoolExecutor(1) as other:
        with transaction() as db:
            _add(db, zoe, newsletter_id)
            deletion = other.submit(erase)
            until(lambda: somebody_waits(db))
            assert not deletion.done()
        deletion.result(PATIENCE)
    assert _subscriptions() == 0


def test_nobody_subscribes_whom_a_deletion_has_taken() -> None:
    with transaction() as db:
        zoe, newsletter_id = _zoe(db), make_newsletter(db).id

    def subscribe() -> None:
        with transaction() as db:
            _add(db, zoe, newsletter_id)

    with ThreadPoolExecutor(1) as other:
        with transaction() as db:
            db.execute(delete(Subscriber).where(Subscriber.id == zoe))
            subscription = other.submit(subscribe)
            until(lambda: somebody_waits(db))
            assert not subscription.done()
        with pytest.raises(IntegrityError, match="is somebody's"):
            subscription.result(PATIENCE)
    assert _subscriptions() == 0
