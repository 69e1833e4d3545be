"""Rectification: what is corrected at once, and an address that changes only when its mailbox says so."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from mailer.core import tokens
from mailer.core.after_commit import Task
from mailer.core.db import engine, transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.tokens import Purpose
from mailer.newsletters.models import Newsletter
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import old_mailbox
from mailer.privacy.models import AddressChange, Outcome, Right, RightsRequest
from mailer.privacy.rights import access, moves, rectification
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.subscribers import subscriptions
from mailer.subscribers.consent import chain, consent_file, verify
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.eligibility import Standing, Why
from mailer.subscribers.models import (
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from tests.support.make import import_people, make_newsletter, make_pending
from tests.support.moves import let_undo_lapse
from tests.support.rights_links import Visitor, a_link

OLD, NEW = "zoe@example.org", "zoe@example.com"
FRENCH = {"Accept-Language": "fr"}
LONG_AGO = datetime(2015, 1, 1, tzinfo=UTC)


@pytest.fixture
def zoe(app: Flask) -> UUID:
    """Somebody who receives a newsletter, and left another."""
    now = utcnow()
    with transaction() as db:
        for slug in ("lettre", "quittee"):
            pending = make_pending(
                db, make_newsletter(db, slug=slug, name=slug), email=OLD, name="Zoé", now=now
            )
            subscriptions.confirm(db, pending.id, now=now)
        subscriptions.withdraw(db, pending.id, channel="link", now=now)
        return pending.subscriber_id


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client(use_cookies=False)


def move(visitor: Visitor, email: str = NEW) -> tuple[int, str]:
    return visitor.post("/address", email=email)


def link(purpose: Purpose = Purpose.NEW_ADDRESS) -> str:
    """As the last mail of that kind holds it."""
    path = {Purpose.NEW_ADDRESS: rectification.NEW_PATH, Purpose.OLD_ADDRESS: old_mailbox.PATH}[purpose]
    with transaction() as db:
        last = select(AddressChange.id).order_by(AddressChange.asked_at.desc()).limit(1)
        return path + tokens.issue(purpose, db.scalars(last).one().hex)


def moved(app: Flask, client: FlaskClient) -> None:
    move(Visitor(app, OLD))
    assert client.post(link()).status_code == 200


def address() -> str:
    with transaction() as db:
        return db.scalars(select(Subscriber.email)).one()


def posted() -> list[tuple[str | None, NoticeKind]]:
    with transaction() as db:
        chosen = select(Notice.email, Notice.kind).where(Notice.kind != NoticeKind.RIGHTS)
        return [(email, kind) for email, kind in db.execute(chosen.order_by(Notice.created_at))]


def cases() -> list[tuple[Right, Outcome | None]]:
    with transaction() as db:
        rows = select(RightsRequest.right, RightsRequest.outcome).order_by(RightsRequest.number)
        return [(right, outcome) for right, outcome in db.execute(rows)]


def standings(email: str) -> dict[str, Standing]:
    with transaction() as db:
        names = {each.id: each.slug for each in db.scalars(select(Newsletter))}
        drawn = consent_file.draw(db, email, names, now=utcnow())
        assert all(entry.intact for letter in drawn.letters for entry in letter.entries)
        return {letter.name: letter.standing for letter in drawn.letters}


def test_name_and_language_change_at_once(app: Flask, zoe: UUID) -> None:
    visitor = Visitor(app, OLD)
    assert 'value="Zoé"' in visitor.get("/correct")
    _, page = visitor.post("/correct", name=" Zoé  Martin ", locale="en")
    assert "C’est corrigé" in page
    with transaction() as db:
        subscriber = db.get_one(Subscriber, zoe)
        assert (subscriber.name, subscriber.locale) == ("Zoé Martin", "en")
    assert cases() == [(Right.RECTIFICATION, Outcome.GRANTED)]
    visitor.post("/correct", name="Zoé Martin", locale="en")
    assert len(cases()) == 1


def test_faults_are_told_and_nothing_typed_is_lost(app: Flask, zoe: UUID) -> None:
    visitor = Visitor(app, OLD)
    status, page = visitor.post("/correct", name="x" * 81, locale="fr")
    assert (status, "80 caractères" in page, "x" * 81 in page) == (422, True, True)
    status, page = move(visitor, "zoe@")
    assert (status, 'value="zoe@"' in page, "pas complète" in page) == (422, True, True)
    assert cases() == []


def test_the_new_mailbox_confirms_and_the_old_one_is_told(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    _, page = move(Visitor(app, OLD))
    assert "Un courriel est envoyé à la nouvelle adresse" in page
    assert posted() == [(NEW, NoticeKind.NEW_ADDRESS)]
    assert cases() == [(Right.RECTIFICATION, None)]
    for _ in range(2):
        page = client.get(link(), headers=FRENCH).text
        assert client.head(link()).status_code == 200
        assert "zoe" not in page.lower()
    assert address() == OLD
    for _ in range(2):  # a second press says the same
        assert "C’est fait" in client.post(link(), headers=FRENCH).text
    assert address() == NEW
    assert posted()[1:] == [(OLD, NoticeKind.ADDRESS_CHANGED)]
    assert cases() == [(Right.RECTIFICATION, Outcome.GRANTED)]


def test_consent_goes_on_under_the_new_address(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    before = standings(OLD)
    moved(app, client)
    after = standings(NEW)
    assert after == before
    assert after["lettre"].may_write
    assert {each.why for each in standings(OLD).values()} == {Why.MOVED}
    assert not any(each.may_write for each in standings(OLD).values())
    with transaction() as db:
        assert verify.verify(db, now=utcnow()).whole
        kinds = select(ConsentPayload.fingerprint).where(ConsentPayload.kind == ConsentKind.RECTIFIED)
        assert sorted(db.scalars(kinds)) == sorted([fingerprint_of(OLD), fingerprint_of(NEW)] * 2)
    line = next(line for line, _ in decisions.read(next(decisions.folder().iterdir()))
                if line.entry.decision is Decision.RECTIFICATION)  # fmt: skip
    assert line.entry.fingerprint == fingerprint_of(OLD)
    assert line.entry.detail == fingerprint_of(NEW).hex()


def test_what_is_held_follows(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    moved(app, client)
    with transaction() as db:
        held, left = access.draw(db, NEW, utcnow()), access.draw(db, OLD, utcnow())
    kinds = [entry.kind for entry in held.consent.letters[0].entries]
    assert kinds == ["requested", "confirmed", "rectified", "rectified"]
    assert [case["right"] for case in held.tables["rights_request"]] == [Right.RECTIFICATION]
    assert left.subscriber is None
    assert left.tables["rights_request"] == []


def test_the_old_mailbox_undoes_it(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    before = standings(OLD)
    moved(app, client)
    undo = link(Purpose.OLD_ADDRESS)
    page = client.get(undo, headers=FRENCH)
    assert (page.status_code, "zoe" in page.text.lower()) == (200, False)
    assert address() == NEW
    for _ in range(2):
        assert "Le changement est annulé" in client.post(undo, headers=FRENCH).text
    assert address() == OLD
    assert standings(OLD) == before
    assert {each.why for each in standings(NEW).values()} == {Why.MOVED}
    assert client.post(link()).status_code == 410
    with transaction() as db:
        assert verify.verify(db, now=utcnow()).whole
    assert cases() == [(Right.RECTIFICATION, Outcome.GRANTED)] * 2


def test_links_to_the_old_address_are_dead(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    visitor, waiting = Visitor(app, OLD), a_link(OLD)
    preferences = "/preferences/" + tokens.issue(Purpose.PREFERENCES, [zoe.hex, "lettre"])
    with transaction() as db:
        left = select(Subscription.id).where(Subscription.state == SubscriptionState.ENDED)
        back = "/back/" + tokens.issue(Purpose.UNDO, [db.scalars(left).one().hex, "quittee"])
    still = "/still/" + tokens.issue(Purpose.RECONFIRM, zoe.hex)
    move(visitor)
    client.post(link())
    assert visitor.client.get("/rights/yours").status_code == 410
    for dead in (waiting, preferences, back, still):
        assert client.get(dead).status_code == client.post(dead).status_code == 410, dead
    with transaction() as db:
        db.get_one(Subscriber, zoe).address_since = utcnow() - timedelta(seconds=5)
    fresh = "/preferences/" + tokens.issue(Purpose.PREFERENCES, [zoe.hex, "lettre"])
    assert client.get(fresh).status_code == 200


def test_an_old_letter_still_lets_one_leave(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    with transaction() as db:
        active = select(Subscription.id).where(Subscription.state == SubscriptionState.ACTIVE)
        leave = "/u/" + tokens.issue(Purpose.LEAVE, [db.scalars(active).one().hex, "lettre"])
    moved(app, client)
    assert client.post(leave).status_code == 200
    with transaction() as db:
        assert db.scalars(active).all() == []
        assert db.scalars(select(Notice.kind).where(Notice.subscriber_id == zoe)).all() == [
            NoticeKind.GOODBYE
        ]


def test_an_address_in_use_shows_the_same_screen_and_changes_nothing(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    with transaction() as db:
        lettre = db.scalars(select(Newsletter).where(Newsletter.slug == "lettre")).one()
        import_people(db, lettre, ["nina@example.net"], informed_at=utcnow())
        fingerprint = fingerprint_of("never@example.net")
        db.add(Suppression(fingerprint=fingerprint, reason=SuppressionReason.OBJECTED, at=utcnow()))
    shown = set()
    for email in ("nina@example.net", "never@example.net", "free@example.net"):
        visitor = Visitor(app, OLD)
        status, page = move(visitor, email)
        shown.add((status, page.replace(visitor.secret, "").split('class="rights"')[0]))
    assert len(shown) == 1
    assert posted() == [
        ("nina@example.net", NoticeKind.NEW_ADDRESS), ("free@example.net", NoticeKind.NEW_ADDRESS),
    ]  # fmt: skip
    with transaction() as db:
        taken = db.scalars(
            select(AddressChange.id).where(AddressChange.new_email == "nina@example.net")
        ).one()
    asked = rectification.NEW_PATH + tokens.issue(Purpose.NEW_ADDRESS, taken.hex)
    assert "Rien n’a été changé" in client.post(asked, headers=FRENCH).text
    with transaction() as db:
        assert set(db.scalars(select(Subscriber.email))) == {OLD, "nina@example.net"}


@pytest.mark.parametrize(("reason", "follows"), [("objected", True), ("hard_bounce", False)])
def test_a_no_follows_its_person_and_a_dead_mailbox_does_not(
    app: Flask, client: FlaskClient, zoe: UUID, reason: str, follows: bool
) -> None:
    with transaction() as db:
        said = SuppressionReason(reason)
        db.add(Suppression(fingerprint=fingerprint_of(OLD), reason=said, at=utcnow()))
    moved(app, client)
    with transaction() as db:
        assert (db.get(Suppression, fingerprint_of(NEW)) is not None) is follows


@pytest.mark.parametrize("email", ["never@example.net", "free@example.net", "flooded@example.net"])
def test_the_time_of_the_answer_does_not_tell_who_said_never_again(
    app: Flask, zoe: UUID, asked_for: list[Task], email: str
) -> None:
    with transaction() as db:
        mark = fingerprint_of("never@example.net")
        db.add(Suppression(fingerprint=mark, reason=SuppressionReason.OBJECTED, at=utcnow()))
    visitor = Visitor(app, OLD)
    if email.startswith("flooded"):
        for _ in range(rectification.ASKED_A_DAY):
            move(visitor, email)
    before = len(posted())
    asked_for.clear()
    move(visitor, email)
    assert len(posted()) - before == email.startswith("free")
    assert asked_for == [Task.NOTICES]


def test_nobody_is_flooded_with_confirmations(app: Flask, zoe: UUID) -> None:
    visitor = Visitor(app, OLD)
    for number in range(5):
        move(visitor, f"zoe{number}@example.net")
    assert len(posted()) == rectification.ASKED_A_DAY


def test_whoever_keeps_asking_a_mailbox_keeps_nobody_from_moving_to_it(app: Flask, zoe: UUID) -> None:
    with transaction() as db:
        other = make_pending(db, make_newsletter(db, slug="autre"), email="other@example.org", now=utcnow())
        subscriptions.confirm(db, other.id, now=utcnow())
    others = Visitor(app, "other@example.org")
    for _ in range(rectification.ASKED_A_DAY):
        move(others, NEW)
    before = len(posted())
    move(Visitor(app, OLD), NEW)
    assert len(posted()) == before + 1


@pytest.mark.parametrize("wait", [rectification.CONFIRM_WITHIN, timedelta(days=30)])
def test_what_nobody_confirms_is_forgotten(
    app: Flask, client: FlaskClient, zoe: UUID, wait: timedelta
) -> None:
    move(Visitor(app, OLD))
    asked = link()
    with transaction() as db:
        assert rectification.forget(db, now=utcnow() + wait - timedelta(days=31)) == 0
        assert rectification.forget(db, now=utcnow() + wait) == 1
    assert cases() == [(Right.RECTIFICATION, Outcome.WITHDRAWN)]
    with transaction() as db:
        given_up = db.scalars(select(Notice).where(Notice.kind == NoticeKind.GIVEN_UP)).one()
        assert "n’a pas été confirmée" in (given_up.facts or {})["words"]
    assert client.get(asked).status_code == client.post(asked).status_code == 410
    assert address() == OLD


def test_the_old_address_is_forgotten_when_it_can_no_longer_undo(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    moved(app, client)
    with transaction() as db:
        assert rectification.forget(db, now=utcnow() + timedelta(days=6)) == 0
        assert rectification.forget(db, now=utcnow() + timedelta(days=8)) == 1
    assert cases() == [(Right.RECTIFICATION, Outcome.GRANTED)]


def test_two_changes_in_a_row_keep_the_whole_file(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    before = standings(OLD)
    moved(app, client)
    let_undo_lapse()
    move(Visitor(app, NEW), "zoe@example.net")
    client.post(link())
    assert address() == "zoe@example.net"
    assert standings("zoe@example.net") == before
    assert {each.why for each in standings(NEW).values()} == {Why.MOVED}


def test_what_is_frozen_is_not_corrected(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    visitor = Visitor(app, OLD)
    move(visitor)
    visitor.post("/restriction")
    assert client.post(link()).status_code == 410
    assert visitor.post("/correct", name="X", locale="fr")[0] == 422
    assert move(visitor)[0] == 422
    assert "Mettre fin à la limitation" in visitor.get("/correct")
    assert address() == OLD


def test_neither_address_comes_back_by_an_older_file(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    moved(app, client)
    with transaction() as db:
        for slug, email, outcome in (
            ("lettre", OLD, "withdrawn"), ("quittee", NEW, "withdrawn"), ("lettre", NEW, "known"),
        ):  # fmt: skip
            newsletter = db.scalars(select(Newsletter).where(Newsletter.slug == slug)).one()
            assert import_people(db, newsletter, [email]) == [outcome]


def test_the_old_address_may_sign_up_anew(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    moved(app, client)
    tomorrow = utcnow() + timedelta(hours=25)
    with transaction() as db:
        lettre = db.scalars(select(Newsletter).where(Newsletter.slug == "lettre")).one()
        pending = make_pending(db, lettre, email=OLD, now=tomorrow)
        subscriptions.confirm(db, pending.id, now=tomorrow)
    assert standings(OLD)["lettre"].may_write
    assert standings(NEW)["lettre"].may_write


def test_a_file_that_goes_on_elsewhere_outlives_its_expiry(clean: None) -> None:
    """The evidence under an older address is kept for as long as its person is subscribed under another."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        pending = make_pending(db, newsletter, email=OLD, now=LONG_AGO)
        subscriptions.confirm(db, pending.id, now=LONG_AGO)
        subscriber = db.get_one(Subscriber, pending.subscriber_id)
        for email in (NEW, "zoe@example.net"):
            moves.move(db, subscriber, email, now=LONG_AGO)
    assert _expired(lambda _: None) == 0
    assert _expired(lambda row: setattr(row, "restricted_at", utcnow()), withdraw=True) == 0
    assert _expired(lambda row: setattr(row, "restricted_at", None)) == 7


def _expired(change: Callable[[Subscriber], None], *, withdraw: bool = False) -> int:
    with transaction() as db:
        if withdraw:
            subscriptions.withdraw(
                db, db.scalars(select(Subscription.id)).one(), channel="link", now=LONG_AGO
            )
        change(db.scalars(select(Subscriber)).one())
        db.flush()
        return chain.expire(db)


def test_a_sign_up_that_takes_the_address_in_that_instant_is_a_collision_like_any_other(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    move(Visitor(app, OLD))
    answers: list[TestResponse] = []
    confirming = threading.Thread(target=lambda: answers.append(client.post(link(), headers=FRENCH)))
    with transaction() as db:
        subscriptions.subscriber_for(db, NEW, None, "fr", utcnow())
        db.flush()
        confirming.start()
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while confirming.is_alive():
            with engine().connect() as other:
                if other.scalar(waits):
                    break
    confirming.join(30)
    [answer] = answers
    assert answer.status_code == 200
    with transaction() as db:
        assert db.get_one(Subscriber, zoe).email == OLD
