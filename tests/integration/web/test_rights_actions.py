"""Restriction, objection, withdrawal, directives: each at once, each a case, each exact at the gate."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text

from mailer import tasks
from mailer.core import tokens
from mailer.core.db import engine, transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.tokens import Purpose
from mailer.delivery import audience, claim
from mailer.delivery.models import Delivery
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.models import Outcome, Right, RightsRequest
from mailer.privacy.rights import access, erasure_worker, restriction
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import signup, subscriptions, suppressions
from mailer.subscribers.consent import wordings
from mailer.subscribers.eligibility import Withheld
from mailer.subscribers.models import (
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from mailer.subscribers.suppressions import SuppressedAddress
from tests.support.make import all_of, ask, import_people, make_newsletter, make_pending, make_scheduled_issue
from tests.support.rights_links import Visitor

ZOE = "zoe@example.org"


@pytest.fixture
def zoe(app: Flask) -> UUID:
    """Somebody who receives two newsletters, and one of whose letters is about to leave."""
    now = utcnow()
    with transaction() as db:
        letter, other = make_newsletter(db), make_newsletter(db, slug="autre", name="L’autre")
        for each in (letter, other):
            pending = make_pending(db, each, email=ZOE, name="Zoé", now=now)
            subscriptions.confirm(db, pending.id, now=now)
        issue = make_scheduled_issue(db, letter)
        audience.freeze(db, issue.id, now=now)
        return pending.subscriber_id


def at_the_gate() -> Withheld | None:
    """Why the letter is withheld when its turn comes; None: it is sent."""
    with transaction() as db:
        issue_id = db.scalars(select(Delivery.issue_id)).one()
        claim.claim(db, UUID(int=1), all_of(issue_id), limit=10, now=utcnow())
        row = db.scalars(select(Delivery)).one()
        assert row.state in (DeliveryState.WITHHELD, DeliveryState.HANDED)
        return row.withheld


def notices() -> list[NoticeKind]:
    with transaction() as db:
        chosen = select(Notice.kind).where(Notice.kind != NoticeKind.RIGHTS)
        return sorted(db.scalars(chosen))


def cases() -> list[tuple[Right, Outcome | None]]:
    with transaction() as db:
        rows = select(RightsRequest.right, RightsRequest.outcome).order_by(RightsRequest.number)
        return [(right, outcome) for right, outcome in db.execute(rows)]


def decided() -> set[Decision]:
    return {line.entry.decision for line, _ in decisions.read(next(decisions.folder().iterdir()))}


def states() -> set[SubscriptionState]:
    with transaction() as db:
        return set(db.scalars(select(Subscription.state)))


def test_objection_ends_everything_at_once(app: Flask, zoe: UUID) -> None:
    visitor = Visitor(app, ZOE)
    assert "M’opposer à tout envoi" in visitor.get("/objection")
    status, page = visitor.post("/objection")
    assert (status, "Votre opposition est enregistrée" in page) == (303, True)
    assert at_the_gate() is Withheld.WITHDRAWN
    assert states() == {SubscriptionState.ENDED}
    assert notices() == [NoticeKind.OBJECTED]
    assert cases() == [(Right.OBJECTION, Outcome.GRANTED)]
    assert {Decision.OBJECTION, Decision.SUPPRESSION, Decision.WITHDRAWAL, Decision.CASE} <= decided()
    with transaction() as db:
        barred = db.scalars(select(Suppression)).one()
        assert barred.reason is SuppressionReason.OBJECTED
        newsletter = make_newsletter(db, slug="troisieme")
        assert import_people(db, newsletter, [ZOE], agreed=utcnow()) == ["suppressed"]
    assert "déjà sur la liste d’opposition" in visitor.get("/objection")
    visitor.post("/objection")
    assert notices() == [NoticeKind.OBJECTED]
    assert cases() == [(Right.OBJECTION, Outcome.GRANTED)]


@pytest.mark.parametrize("before", sorted(set(SuppressionReason) - {SuppressionReason.OBJECTED}))
def test_objection_outweighs_every_other_reason(app: Flask, zoe: UUID, before: SuppressionReason) -> None:
    fingerprint = fingerprint_of(ZOE)
    with transaction() as db:
        db.add(Suppression(fingerprint=fingerprint, reason=before, at=utcnow()))
    visitor = Visitor(app, ZOE)
    assert "M’opposer à tout envoi" in visitor.get("/objection")
    visitor.post("/objection")
    assert notices() == [NoticeKind.OBJECTED]
    assert cases() == [(Right.OBJECTION, Outcome.GRANTED)]
    assert Decision.OBJECTION in decided()
    with transaction() as db:
        assert db.get_one(Suppression, fingerprint).reason is SuppressionReason.OBJECTED


def test_a_weaker_reason_changes_nothing(clean: None) -> None:
    fingerprint = fingerprint_of(ZOE)
    said = (
        (SuppressionReason.MANUAL, True), (SuppressionReason.HARD_BOUNCE, False),
        (SuppressionReason.UNSUBSCRIBED_ALL, True), (SuppressionReason.MANUAL, False),
        (SuppressionReason.ERASED, True), (SuppressionReason.COMPLAINT, False),
        (SuppressionReason.OBJECTED, True), (SuppressionReason.ERASED, False),
    )  # fmt: skip
    with transaction() as db:
        for reason, changes in said:
            assert (
                suppressions.add_or_strengthen(db, SuppressedAddress(fingerprint, reason, utcnow()))
                is changes
            )
        assert db.get_one(Suppression, fingerprint).reason is SuppressionReason.OBJECTED


def test_whoever_objected_may_come_back_by_signing_up(app: Flask, zoe: UUID) -> None:
    Visitor(app, ZOE).post("/objection")
    with transaction() as db:
        pending = make_pending(db, make_newsletter(db, slug="neuve"), email=ZOE, now=utcnow())
        subscriptions.confirm(db, pending.id, now=utcnow())
        assert db.scalars(select(Suppression)).all() == []


def test_withdrawal_ends_every_letter_and_can_be_undone(app: Flask, zoe: UUID) -> None:
    visitor = Visitor(app, ZOE)
    assert "L’autre" in visitor.get("/withdrawal")
    _, page = visitor.post("/withdrawal")
    assert "Vous ne recevez plus aucune lettre" in page
    assert "Tout arrêter" not in page
    assert at_the_gate() is Withheld.WITHDRAWN
    assert states() == {SubscriptionState.ENDED}
    assert notices() == [NoticeKind.GOODBYE, NoticeKind.GOODBYE]
    assert cases() == [(Right.WITHDRAWAL, Outcome.GRANTED)]
    visitor.post("/withdrawal")
    assert len(cases()) == 1
    assert "M’opposer" in visitor.get("")  # one may still go further
    with transaction() as db:
        assert db.scalars(select(Suppression.reason)).all() == [SuppressionReason.UNSUBSCRIBED_ALL]
        for subscription in db.scalars(select(Subscription)).all():
            subscriptions.renew(
                db, subscription.id, wording=wordings.current_wording("x", "y", "fr"), now=utcnow()
            )
        assert db.scalars(select(Suppression.reason)).all() == []


def test_restriction_keeps_everything_and_sends_nothing(app: Flask, zoe: UUID) -> None:
    visitor = Visitor(app, ZOE)
    _, page = visitor.post("/restriction")
    assert "L’utilisation de vos données est suspendue" in page
    assert at_the_gate() is Withheld.RESTRICTED
    assert states() == {SubscriptionState.ACTIVE}
    assert notices() == [NoticeKind.RESTRICTED]
    assert cases() == [(Right.RESTRICTION, Outcome.GRANTED)]
    assert Decision.RESTRICTION in decided()


def test_what_is_restricted_is_not_changed(app: Flask, zoe: UUID) -> None:
    Visitor(app, ZOE).post("/restriction")
    link = "/preferences/" + tokens.issue(Purpose.PREFERENCES, [zoe.hex, "lettre"])
    client = app.test_client()
    assert (
        "L’utilisation de vos données est suspendue"
        in client.post(f"{link}/open", headers={"Accept-Language": "fr"}).text
    )
    assert client.post(link, data={"name": "X", "locale": "en"}).status_code == 409
    with transaction() as db:
        third = make_newsletter(db, slug="troisieme")
        assert import_people(db, third, [ZOE], agreed=utcnow()) == ["suppressed"]
        ask(db, third, ZOE, now=utcnow(), name="Nina")
        asked = signup.next_due(db, now=utcnow())
        assert asked
        assert signup.decide(db, asked, now=utcnow()) is None
        subscriber = db.get_one(Subscriber, zoe)
        assert (subscriber.name, subscriber.locale) == ("Zoé", "fr")


def test_what_is_restricted_is_not_purged(app: Flask, clean: None) -> None:
    now = utcnow()
    with transaction() as db:
        pending = make_pending(db, make_newsletter(db), email=ZOE, now=now)
        subscriber = db.get_one(Subscriber, pending.subscriber_id)
        restriction.restrict(db, subscriber, now=now)
        assert signup.purge(db, now=now + timedelta(days=30)) == 0
        restriction.lift(db, subscriber, now=now)
        assert signup.purge(db, now=now + timedelta(days=30)) == 1


def test_the_person_ends_it_at_once(app: Flask, zoe: UUID) -> None:
    visitor = Visitor(app, ZOE)
    visitor.post("/restriction")
    _, page = visitor.post("/thaw")
    assert "La limitation de vos données a pris fin" in page
    assert at_the_gate() is None
    assert notices() == [NoticeKind.RESTRICTED, NoticeKind.UNRESTRICTED]
    assert cases() == [(Right.RESTRICTION, Outcome.GRANTED)] * 2
    assert Decision.RESTRICTION_LIFTED in decided()


def test_staff_end_it_only_after_the_person_was_told(app: Flask, zoe: UUID) -> None:
    now = utcnow()
    with transaction() as db:
        subscriber = db.get_one(Subscriber, zoe)
        restriction.restrict(db, subscriber, now=now)
        ends = restriction.announce(db, subscriber, now=now)
        assert ends == restriction.announce(db, subscriber, now=now) == now + restriction.TOLD_BEFORE
    later = now + restriction.TOLD_BEFORE
    with transaction() as db:
        assert restriction.lift_due(db, now=later) == 0  # the notice has not left
        for notice in db.scalars(select(Notice)):
            notice.state = DeliveryState.ACCEPTED
        assert restriction.lift_due(db, now=later - timedelta(seconds=1)) == 0
        assert restriction.lift_due(db, now=later) == 1
        assert db.get_one(Subscriber, zoe).restricted_at is None
    assert notices().count(NoticeKind.UNRESTRICTED) == 1


def test_directives_are_left_changed_and_shown(app: Flask, zoe: UUID) -> None:
    visitor = Visitor(app, ZOE)
    visitor.post("/directives", directives=" Effacez tout.\r\nMerci. ")
    with transaction() as db:
        assert db.get_one(Subscriber, zoe).directives == "Effacez tout.\nMerci."
        assert access.draw(db, ZOE, utcnow()).tables["subscriber"][0]["directives"]
    assert "Effacez tout." in visitor.get("/directives")
    status, page = visitor.post("/directives", directives="x" * 2001)
    assert status == 422
    assert "2 000 caractères" in page.replace("\u202f", " ").replace("\u00a0", " ")
    assert "x" * 2001 in page
    visitor.post("/directives", directives="")
    with transaction() as db:
        assert db.get_one(Subscriber, zoe).directives is None
    assert cases() == [(Right.DIRECTIVES, Outcome.GRANTED)] * 2


def test_where_only_evidence_is_left_one_may_still_object(app: Flask, zoe: UUID) -> None:
    with transaction() as db:
        for each in db.scalars(select(Subscription)):
            db.delete(each)
        db.flush()
        db.delete(db.get_one(Subscriber, zoe))
    visitor = Visitor(app, ZOE)
    home = visitor.get()
    assert "M’opposer" in home
    assert "Limiter l’utilisation de mes données" not in home
    for page in ("/restriction", "/withdrawal", "/directives"):
        visitor.post(page)
    assert cases() == []
    visitor.post("/objection")
    with transaction() as db:
        assert db.scalars(select(Suppression.reason)).one() is SuppressionReason.OBJECTED


def test_looking_changes_nothing(app: Flask, zoe: UUID) -> None:
    visitor = Visitor(app, ZOE)
    for page in ("/restriction", "/thaw", "/objection", "/withdrawal", "/directives", ""):
        visitor.get(page)
    assert cases() == []
    assert notices() == []
    tasks.signups()
    assert at_the_gate() is None


def test_erasure_asks_for_the_address_again(app: Flask, zoe: UUID) -> None:
    visitor = Visitor(app, ZOE)
    for typed in ("", "zoe@", "nina@example.org"):
        status, page = visitor.post("/erasure", email=typed, never_again="yes")
        assert status == 422
        assert "Rien n’a été effacé" in page
        assert "checked" in page
    with transaction() as db:
        assert db.get(Subscriber, zoe)


def test_an_erasure_that_cannot_be_done_at_once_says_so(app: Flask, zoe: UUID) -> None:
    visitor = Visitor(app, ZOE)
    with engine().begin() as connection:
        connection.execute(text("ALTER TABLE subscription RENAME TO elsewhere"))
    try:
        status, page = visitor.post("/erasure", email=ZOE)
    finally:
        with engine().begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO subscription"))
    assert status == 202
    assert "Votre demande est enregistrée" in page
    assert "rien n’est encore effacé" in page
    assert ZOE not in page
    assert erasure_worker.retry(clock=utcnow) == 1
    with transaction() as db:
        assert db.get(Subscriber, zoe) is None


@pytest.mark.parametrize("wish", [{}, {"never_again": "yes"}])
def test_erasure_shows_its_certificate_and_ends_the_session(
    app: Flask, zoe: UUID, wish: dict[str, str]
) -> None:
    visitor = Visitor(app, ZOE)
    status, page = visitor.post("/erasure", email=" Zoe@Example.org", **wish)
    assert status == 200
    for told in ("votre certificat", "La preuve de votre consentement", "sauvegardes"):
        assert told in page
    assert ZOE not in page
    assert visitor.client.get("/rights/yours").status_code == 410
    assert at_the_gate() is Withheld.ERASED
    assert notices() == [NoticeKind.ERASED]
    with transaction() as db:
        assert db.get(Subscriber, zoe) is None
        barred = set(db.scalars(select(Suppression.reason)))
    assert barred == ({SuppressionReason.ERASED} if wish else set())
