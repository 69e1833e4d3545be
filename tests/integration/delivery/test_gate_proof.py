"""The gate asks for the proof: whose consent it is, for which newsletter, unrevoked, of which address."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.delivery import audience, claim, due
from mailer.delivery.models import Delivery
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.monitoring import alarms
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter
from mailer.smtp.relay import Relay
from mailer.subscribers import subscribers, subscriptions
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState
from tests.support.forgery import forge, rest_on, write_to
from tests.support.make import (
    all_of,
    import_people,
    make_letter,
    make_newsletter,
    make_pending,
    make_readers,
    make_scheduled_issue,
    make_sender,
    send_letter,
)
from tests.support.sink import running_sink

ZOE, OTHERS, LATE = "zoe@example.org", 4, timedelta(days=9999)


def _zoe(db: Session) -> Subscription:
    joined = select(Subscription).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
    return db.scalars(joined.where(Subscriber.email == ZOE)).one()


def _imported(db: Session, newsletter: Newsletter) -> None:
    assert import_people(db, newsletter, [ZOE], informed_at=utcnow()) == ["new"]


def _leave(db: Session) -> None:
    assert subscriptions.withdraw(db, _zoe(db).id, channel="link", now=utcnow())


def another_s(newsletter: Newsletter) -> None:
    with transaction() as db:
        _imported(db, newsletter)
    rest_on(ZOE, "reader0@example.org")


def of_another_newsletter(newsletter: Newsletter) -> None:
    with transaction() as db:
        _imported(db, make_newsletter(db, slug="autre"))
        make_pending(db, newsletter, email=ZOE, now=utcnow())
    forge(
        "UPDATE subscription u SET state = 'active', informed_at = now(), consent_id = o.consent_id "
        "FROM subscription o WHERE o.subscriber_id = u.subscriber_id AND u.state = 'pending' AND o.id <> u.id"
    )


def never_confirmed(newsletter: Newsletter) -> None:
    with transaction() as db:
        make_pending(db, newsletter, email=ZOE, now=utcnow())
    rest_on(ZOE, ZOE, "requested")


def withdrawn(newsletter: Newsletter) -> None:
    with transaction() as db:
        _imported(db, newsletter)
    with transaction() as db:
        _leave(db)
    rest_on(ZOE, ZOE)


def ended_before_a_move(newsletter: Newsletter) -> None:
    """The event of the change of address is theirs and new; it continues nothing."""
    with transaction() as db:
        assert import_people(db, newsletter, ["old@example.org"], informed_at=utcnow()) == ["new"]
        zoe = db.scalars(select(Subscriber).where(Subscriber.email == "old@example.org")).one()
        theirs = select(Subscription.id).where(Subscription.subscriber_id == zoe.id)
        subscriptions.withdraw(db, db.scalars(theirs).one(), channel="link", now=utcnow())
        subscribers.move(db, zoe, ZOE, channel="rectification", now=utcnow())
    rest_on(ZOE, ZOE, "rectified")


FORGERIES = [another_s, of_another_newsletter, never_confirmed, withdrawn, ended_before_a_move]
Forgery = Callable[[Newsletter], None]


@pytest.fixture
def newsletter(clean: None) -> Newsletter:
    with transaction() as db:
        made = make_newsletter(db)
        make_readers(db, made, OTHERS)
    return made


def _alarms() -> set[str]:
    with transaction() as db:
        return {alarm.name for alarm in alarms.find(db, now=utcnow())}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_nobody_is_frozen_beside_somebody_without_a_proof(newsletter: Newsletter, forgery: Forgery) -> None:
    forgery(newsletter)
    with transaction() as db:
        issue = make_scheduled_issue(db, newsletter)
    with transaction() as db:
        assert audience.freeze(db, issue.id, now=utcnow()) is None
    with transaction() as db:
        assert db.get_one(Issue, issue.id).state is IssueState.SCHEDULED
        assert db.scalars(select(Delivery)).all() == []
        assert not due.is_due(db, now=utcnow())
        assert due.to_freeze(db, now=utcnow(), late_after=LATE) == []
    assert "unproven:lettre" in _alarms()
    forge("UPDATE subscription SET state = 'ended', consent_id = NULL FROM subscriber s "
          "WHERE s.id = subscriber_id AND s.email = :email AND newsletter_id = :newsletter",
          email=ZOE, newsletter=newsletter.id)  # fmt: skip
    with transaction() as db:
        assert newsletters.resume(db, db.get_one(Newsletter, newsletter.id))
    with transaction() as db:
        frozen = audience.freeze(db, issue.id, now=utcnow())
        assert frozen
        assert frozen.audience == OTHERS
    assert "unproven:lettre" not in _alarms()


def _frozen(newsletter: Newsletter) -> Issue:
    with transaction() as db:
        _imported(db, newsletter)
        issue = make_scheduled_issue(db, newsletter)
        assert audience.freeze(db, issue.id, now=utcnow())
    return issue


def test_the_claim_withholds_and_pauses(newsletter: Newsletter) -> None:
    issue = _frozen(newsletter)
    rest_on(ZOE, "reader0@example.org")
    with transaction() as db:
        claimed = claim.claim(db, uuid4(), all_of(issue.id), limit=100, now=utcnow())
        assert (len(claimed.rows), claimed.withheld) == (OTHERS, 1)
    with transaction() as db:
        reasons = db.scalars(select(Delivery.withheld).where(Delivery.withheld.is_not(None)))
        assert list(reasons) == ["unproven"]
        assert db.get_one(Newsletter, newsletter.id).paused_at
    assert "unproven:lettre" in _alarms()


def test_nothing_is_claimed_of_a_paused_newsletter(newsletter: Newsletter) -> None:
    issue, worker = _frozen(newsletter), uuid4()
    with transaction() as db:
        held = claim.claim(db, worker, all_of(issue.id), limit=2, now=utcnow()).rows
        newsletters.pause(db, newsletter.id, now=utcnow())
    with transaction() as db:
        assert claim.claim(db, uuid4(), all_of(issue.id), limit=100, now=utcnow()).rows == []
        assert not due.is_due(db, now=utcnow())
        assert due.to_freeze(db, now=utcnow(), late_after=LATE) == []
        assert claim.recheck(db, worker, held, now=utcnow()).allowed == set()


def test_the_second_look_asks_for_the_proof_too(newsletter: Newsletter) -> None:
    issue, worker = _frozen(newsletter), uuid4()
    with transaction() as db:
        held = claim.claim(db, worker, all_of(issue.id), limit=100, now=utcnow()).rows
    rest_on(ZOE, "reader0@example.org")
    with transaction() as db:
        looked = claim.recheck(db, worker, held, now=utcnow())
        assert (len(looked.allowed), looked.withheld) == (OTHERS, 1)
    assert "unproven:lettre" in _alarms()


def test_the_worker_recomputes_the_fingerprint(newsletter: Newsletter) -> None:
    """The database cannot tell that the address is not the one that consented: it has no key."""
    issue = _frozen(newsletter)
    write_to("thief@example.org", instead_of=ZOE)
    with running_sink() as server:
        sender = make_sender(Relay.parse(server.url))
        send_letter(sender, issue.id, make_letter(issue))
        sender.leave()
        assert {envelope.rcpt_tos[0] for envelope in server.envelopes}.isdisjoint({"thief@example.org", ZOE})
    with transaction() as db:
        reasons = db.scalars(select(Delivery.withheld).where(Delivery.withheld.is_not(None)))
        assert list(reasons) == ["unproven"]
    assert "unproven:lettre" in _alarms()


def test_whoever_moved_has_a_proof(newsletter: Newsletter) -> None:
    with transaction() as db:
        _imported(db, newsletter)
        before = _zoe(db)
        assert not subscriptions.own(db, before)
        zoe = db.get_one(Subscriber, before.subscriber_id)
        for email in ("b@example.org", "c@example.org", ZOE):
            subscribers.move(db, zoe, email, channel="rectification", now=utcnow() + timedelta(seconds=1))
        subscription = _zoe(db)
        assert subscription.state is SubscriptionState.ACTIVE
        assert not subscriptions.own(db, subscription)  # an import is still what it goes back to
        issue = make_scheduled_issue(db, newsletter)
        frozen = audience.freeze(db, issue.id, now=utcnow())
        assert frozen
        assert (frozen.audience, frozen.excluded) == (OTHERS + 1, 0)
