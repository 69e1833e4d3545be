"""The old mailbox undoes a change of address, whatever whoever took it over has done since."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from mailer.core.db import engine, transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.delivery import audience, claim
from mailer.delivery.models import Delivery
from mailer.newsletters.models import Newsletter
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import old_mailbox
from mailer.privacy.models import AddressChange, Outcome, Right, RightsLink, RightsRequest
from mailer.privacy.rights import erasure_worker, moves, objection, rectification, restriction
from mailer.subscribers import signup, subscribers, subscriptions
from mailer.subscribers.consent import consent_file, verify
from mailer.subscribers.models import (
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from mailer.subscribers.recipients import recipient
from tests.support.make import all_of, ask, import_people, make_newsletter, make_pending, make_scheduled_issue
from tests.support.moves import change_to, confirm_link, let_undo_lapse, move, undo_link
from tests.support.rights_links import Visitor, a_link

V, A1, A2 = "zoe@example.org", "thief@example.com", "thief@example.net"
SECRET = "Remettez mes lettres à ma fille."
FRENCH = {"Accept-Language": "fr"}


@pytest.fixture
def zoe(app: Flask) -> UUID:
    """Somebody who receives two newsletters, and has left directives."""
    now = utcnow() - timedelta(days=30)
    with transaction() as db:
        for slug in ("lettre", "autre"):
            pending = make_pending(
                db, make_newsletter(db, slug=slug, name=slug), email=V, name="Zoé", now=now
            )
            subscriptions.confirm(db, pending.id, now=now)
        subscribers.leave_directives(db.get_one(Subscriber, pending.subscriber_id), SECRET)
        return pending.subscriber_id


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client(use_cookies=False)


def newsletter(db: Session, slug: str = "lettre") -> Newsletter:
    return db.scalars(select(Newsletter).where(Newsletter.slug == slug)).one()


def people() -> set[str]:
    with transaction() as db:
        return set(db.scalars(select(Subscriber.email)))


def written_to() -> set[tuple[str, str]]:
    """Who may be written to, for which newsletter; and the file says the same."""
    with transaction() as db:
        rows = recipient()
        joined = select(rows.c.email, Newsletter.slug).join(Newsletter, Newsletter.id == rows.c.newsletter_id)
        found = {(email, slug) for email, slug in db.execute(joined.where(rows.c.withheld.is_(None)))}
        names = {each.id: each.slug for each in db.scalars(select(Newsletter))}
        for email in db.scalars(select(Subscriber.email)).all():
            record = consent_file.draw(db, email, names, now=utcnow())
            may = {(email, each.name) for each in record.letters if each.standing.may_write}
            restricted = db.scalar(select(Subscriber.restricted_at).where(Subscriber.email == email))
            assert may == {each for each in found if each[0] == email} or restricted
        assert verify.verify(db, now=utcnow()).whole
        return found


def open_cases() -> list[Right]:
    with transaction() as db:
        return list(db.scalars(select(RightsRequest.right).where(RightsRequest.closed_at.is_(None))))


def undone(client: FlaskClient, change: UUID) -> None:
    for _ in range(2):  # a second press says the same
        answer = client.post(undo_link(change), headers=FRENCH)
        assert (answer.status_code, "Le changement est annulé" in answer.text) == (200, True)


BOTH = {(V, "lettre"), (V, "autre")}


# -- the attacks ---------------------------------------------------------------------


def test_a_second_hop_does_not_take_the_undo_away(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    """V→A1, A1→A2 at once; then V reads, is alone in reading, and erases."""
    change = move(app, V, A1)
    Visitor(app, A1).post("/address", email=A2)
    second = change_to(A2)
    client.post(confirm_link(second))
    undone(client, change)
    assert (people(), written_to()) == ({V}, BOTH)
    assert client.post(confirm_link(second)).status_code == 410
    assert Visitor(app, A2).get("/directives").count(SECRET) == 0
    assert SECRET in Visitor(app, V).get("/directives")
    Visitor(app, V).post("/erasure", email=V)
    assert people() == set()


def test_an_undo_reaches_back_through_hops_that_were_made(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    """By whatever way the second one was made, such as by staff."""
    change = move(app, V, A1)
    hop = _hop(zoe, A1, A2)
    undone(client, change)
    assert (people(), written_to()) == ({V}, BOTH)
    assert client.post(undo_link(hop)).status_code == 410


def _hop(whose: UUID, old: str, new: str) -> UUID:
    now = utcnow()
    with transaction() as db:
        case = db.scalars(select(RightsRequest.id).limit(1)).one()
        moves.move(db, db.get_one(Subscriber, whose), new, now=now)
        made = AddressChange(
            subscriber_id=whose, request_id=case, old_email=old, new_email=new, asked_at=now,
            confirmed_at=now, expires_at=now + old_mailbox.UNDO_WITHIN,
        )  # fmt: skip
        db.add(made)
        db.flush()
        return made.id


def test_an_erasure_from_the_old_mailbox_is_of_the_person_wherever_they_were_taken(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    move(app, V, A1)
    _hop(zoe, A1, A2)
    at_v = Visitor(app, V)
    assert "L’effacement annule ce changement" in at_v.get("/erasure")
    status, page = at_v.post("/erasure", email=V)
    assert (status, "votre certificat" in page) == (200, True)
    assert (people(), written_to()) == (set(), set())
    with transaction() as db:
        told = select(Notice.email, Notice.kind).where(Notice.kind == NoticeKind.ADDRESS_UNDONE)
        assert db.execute(told).all() == [(A2, NoticeKind.ADDRESS_UNDONE)]


def test_a_sign_up_under_the_old_address_does_not_take_the_undo_away(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    """Anybody may type V into the form."""
    change = move(app, V, A1)
    with transaction() as db:
        make_pending(db, newsletter(db), email=V, now=utcnow() + timedelta(hours=25))
    assert people() == {V, A1}
    undone(client, change)
    assert (people(), written_to()) == ({V}, BOTH)
    with transaction() as db:
        assert db.get_one(Subscriber, zoe).directives == SECRET


def test_the_second_of_two_pending_changes_dies_with_the_undo_of_the_first(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    stolen = Visitor(app, V)
    stolen.post("/address", email=A1)
    stolen.post("/address", email=A2)
    first, second = change_to(A1), change_to(A2)
    assert client.post(confirm_link(first)).status_code == 200
    undone(client, first)
    assert client.post(confirm_link(second)).status_code == 410
    assert (people(), written_to(), open_cases()) == ({V}, BOTH, [])


def test_no_session_and_no_link_outlives_the_undo(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    change = move(app, V, A1)
    at_v, at_a1, waiting = Visitor(app, V), Visitor(app, A1), a_link(A1)
    undone(client, change)
    for each in (at_v, at_a1):
        assert each.client.get("/rights/yours").status_code == 410
    assert client.get(waiting).status_code == 410
    with transaction() as db:
        assert db.scalars(select(RightsLink)).all() == []


# -- whoever confirmed at the old address since ------------------------------------------


def _confirmed_at(email: str, slug: str, now: datetime) -> None:
    with transaction() as db:
        pending = make_pending(db, newsletter(db, slug), email=email, now=now)
        subscriptions.confirm(db, pending.id, now=now)


def _leave(email: str, slug: str, now: datetime) -> None:
    with transaction() as db:
        theirs = select(Subscription.id).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        mine = theirs.where(Subscriber.email == email, Subscription.newsletter_id == newsletter(db, slug).id)
        assert subscriptions.withdraw(db, db.scalars(mine).one(), channel="link", now=now)


def test_whoever_confirmed_there_since_is_merged_and_the_last_word_counts(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    with transaction() as db:
        make_newsletter(db, slug="troisieme", name="troisieme")
    change = move(app, V, A1)
    day, now = timedelta(hours=25), utcnow()
    _leave(A1, "lettre", now)  # a no, then a yes at V
    _confirmed_at(V, "lettre", now + day)
    _confirmed_at(V, "autre", now + 2 * day)  # a yes at V, then a no at A1
    _leave(A1, "autre", now + 2 * day)
    _confirmed_at(V, "troisieme", now + 3 * day)
    undone(client, change)
    assert people() == {V}
    assert written_to() == {(V, "lettre"), (V, "troisieme")}


def test_a_no_said_at_the_old_address_since_wins(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    change = move(app, V, A1)
    _confirmed_at(V, "lettre", utcnow() + timedelta(hours=25))
    _leave(V, "lettre", utcnow())
    undone(client, change)
    assert written_to() == {(V, "autre")}


@pytest.mark.parametrize("where", [V, A1])
def test_an_objection_wins(app: Flask, client: FlaskClient, zoe: UUID, where: str) -> None:
    change = move(app, V, A1)
    _confirmed_at(V, "lettre", utcnow() - timedelta(minutes=1))
    with transaction() as db:
        objection.object_to(db, email=where, locale="fr", now=utcnow())
    undone(client, change)
    assert (people(), written_to()) == ({V}, set())
    with transaction() as db:
        assert db.get_one(Suppression, fingerprint_of(V)).reason is SuppressionReason.OBJECTED


@pytest.mark.parametrize("where", [V, A1])
def test_a_restriction_wins(app: Flask, client: FlaskClient, zoe: UUID, where: str) -> None:
    change = move(app, V, A1)
    _confirmed_at(V, "lettre", utcnow() + timedelta(hours=25))
    with transaction() as db:
        whose = db.scalars(select(Subscriber).where(Subscriber.email == where)).one()
        restriction.restrict(db, whose, now=utcnow())
    undone(client, change)
    assert (people(), written_to()) == ({V}, set())
    with transaction() as db:
        assert db.get_one(Subscriber, zoe).restricted_at


def test_a_yes_after_the_objection_lifts_it(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    change = move(app, V, A1)
    with transaction() as db:
        objection.object_to(db, email=A1, locale="fr", now=utcnow())
    _confirmed_at(V, "lettre", utcnow() + timedelta(hours=25))
    undone(client, change)
    assert written_to() == {(V, "lettre")}


def test_an_import_of_the_old_address_is_merged_too(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    change = move(app, V, A1)
    with transaction() as db:
        third = make_newsletter(db, slug="troisieme", name="troisieme")
        assert import_people(db, third, [V], agreed=utcnow(), informed_at=utcnow()) == ["new"]
    undone(client, change)
    assert (people(), written_to()) == ({V}, {*BOTH, (V, "troisieme")})


def test_one_copy_of_an_issue_leaves_for_one_person(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    """Frozen for both records, before they turned out to be one person's."""
    change = move(app, V, A1)
    _confirmed_at(V, "lettre", utcnow() - timedelta(minutes=1))
    with transaction() as db:
        issue = make_scheduled_issue(db, newsletter(db))
        frozen = audience.freeze(db, issue.id, now=utcnow())
        assert frozen
        assert frozen.audience == 2
    undone(client, change)
    with transaction() as db:
        taken = claim.claim(db, UUID(int=1), all_of(issue.id, 9), limit=9, now=utcnow())
        assert [row.address for row in taken.rows] == [V]
        states = db.scalars(select(Delivery.state)).all()
        assert sorted(str(each) for each in states) == ["handed", "withheld"]


def test_a_sign_up_in_that_instant_is_merged(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    change = move(app, V, A1)
    answers: list[TestResponse] = []
    undoing = threading.Thread(target=lambda: answers.append(client.post(undo_link(change), headers=FRENCH)))
    with transaction() as db:
        subscriptions.subscriber_for(db, V, None, "fr", utcnow())
        db.flush()
        undoing.start()
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while undoing.is_alive():
            with engine().connect() as other:
                if other.scalar(waits):
                    break
    undoing.join(30)
    [answer] = answers
    assert (answer.status_code, people(), written_to()) == (200, {V}, BOTH)


def test_a_waiting_sign_up_is_decided_after_the_undo(app: Flask, client: FlaskClient, zoe: UUID) -> None:
    change = move(app, V, A1)
    with transaction() as db:
        ask(db, newsletter(db), V, now=utcnow())
    undone(client, change)
    with transaction() as db:
        asked = signup.next_due(db, now=utcnow())
        assert asked
        signup.decide(db, asked, now=utcnow())
    assert (people(), written_to()) == ({V}, BOTH)


def test_nobody_moves_to_an_address_that_somebody_may_come_back_to(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    """Or the undo would take them along, and the way back of their own old mailbox with them."""
    move(app, V, A1)
    with transaction() as db:
        import_people(db, newsletter(db), ["nina@example.org"], informed_at=utcnow())
    Visitor(app, "nina@example.org").post("/address", email=V)
    answer = client.post(confirm_link(change_to(V)), headers=FRENCH)
    assert "Rien n’a été changé" in answer.text
    assert people() == {A1, "nina@example.org"}


# -- a second change, an erasure, and what the old mailbox hears -----------------------------


def test_a_second_change_is_a_case_that_begins_after_the_seven_days(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    move(app, V, A1)
    _, page = Visitor(app, A1).post("/address", email=A2)
    assert "après ce délai" in page
    assert open_cases() == [Right.RECTIFICATION]
    assert NoticeKind.NEW_ADDRESS not in _posted_to(A2)
    assert client.post(confirm_link(change_to(A2))).status_code == 410
    with transaction() as db:
        assert rectification.begin_due(db, now=utcnow() + timedelta(days=6)) == 0
    let_undo_lapse()
    assert _posted_to(A2) == [NoticeKind.NEW_ADDRESS]
    assert client.post(confirm_link(change_to(A2))).status_code == 200
    assert (people(), open_cases()) == ({A2}, [])


def _posted_to(email: str) -> list[NoticeKind]:
    with transaction() as db:
        return list(db.scalars(select(Notice.kind).where(Notice.email == email).order_by(Notice.created_at)))


@pytest.mark.parametrize("never_again", [{}, {"never_again": "yes"}])
def test_an_erasure_from_the_new_mailbox_stops_mail_at_once_and_is_done_after_the_seven_days(
    app: Flask, client: FlaskClient, zoe: UUID, never_again: dict[str, str]
) -> None:
    change = move(app, V, A1)
    visitor = Visitor(app, A1)
    assert "Tout envoi s’arrête immédiatement" in visitor.get("/erasure")
    status, page = visitor.post("/erasure", email=A1, **never_again)
    assert (status, "Plus rien ne vous est envoyé" in page) == (202, True)
    assert (people(), written_to()) == ({A1}, set())
    assert "Mettre fin à la limitation" not in visitor.get("")
    visitor.post("/thaw")
    with transaction() as db:
        ask(db, newsletter(db), A1, now=utcnow())
        asked = signup.next_due(db, now=utcnow())
        assert asked
        assert signup.decide(db, asked, now=utcnow()) is None
    assert erasure_worker.retry(clock=utcnow) == 0
    assert written_to() == set()
    let_undo_lapse()
    assert client.post(undo_link(change)).status_code == 410
    assert erasure_worker.retry(clock=utcnow) == 1
    assert people() == set()
    with transaction() as db:
        barred = set(db.scalars(select(Suppression.reason)))
    assert barred == ({SuppressionReason.ERASED} if never_again else set())


def test_the_undo_takes_back_what_an_erasure_would_have_destroyed(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    change = move(app, V, A1)
    Visitor(app, A1).post("/erasure", email=A1)
    undone(client, change)
    assert (people(), written_to(), open_cases()) == ({V}, BOTH, [])
    with transaction() as db:
        ended = select(RightsRequest.outcome).where(RightsRequest.right == Right.ERASURE)
        assert db.scalars(ended).all() == [Outcome.WITHDRAWN]
        assert db.get_one(Subscriber, zoe).directives == SECRET
    let_undo_lapse()
    assert erasure_worker.retry(clock=utcnow) == 0
    assert people() == {V}


def test_never_again_said_by_the_new_mailbox_stays_after_the_undo(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    change = move(app, V, A1)
    Visitor(app, A1).post("/erasure", email=A1, never_again="yes")
    undone(client, change)
    assert (people(), written_to()) == ({V}, set())
    _confirmed_at(V, "lettre", utcnow() + timedelta(hours=25))  # only they come back, by signing up
    assert (V, "lettre") in written_to()


def test_an_erasure_of_an_address_on_the_way_keeps_the_way_back(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    """A1, which is an old mailbox itself after a hop, asks to be erased: V may still undo."""
    change = move(app, V, A1)
    _hop(zoe, A1, A2)
    assert Visitor(app, A1).post("/erasure", email=A1)[0] == 202
    assert (people(), written_to()) == ({A1}, set())
    undone(client, change)
    assert (people(), written_to()) == ({V}, BOTH)


ACTS: dict[str, Callable[[Visitor], object]] = {
    "access": lambda visitor: visitor.post("/data"),
    "portability": lambda visitor: visitor.download("/portability.zip"),
    "rectification": lambda visitor: visitor.post("/correct", name="X", locale="fr"),
    "second address": lambda visitor: visitor.post("/address", email=A2),
    "restriction": lambda visitor: visitor.post("/restriction"),
    "objection": lambda visitor: visitor.post("/objection"),
    "withdrawal": lambda visitor: visitor.post("/withdrawal"),
    "directives": lambda visitor: visitor.post("/directives", directives="Autre chose."),
    "erasure": lambda visitor: visitor.post("/erasure", email=A1),
}


@pytest.mark.parametrize("act", ACTS)
def test_the_old_mailbox_hears_that_an_act_happened_and_never_its_content(
    app: Flask, client: FlaskClient, zoe: UUID, act: str
) -> None:
    change = move(app, V, A1)
    ACTS[act](Visitor(app, A1))
    with transaction() as db:
        told = db.scalars(select(Notice).where(Notice.kind == NoticeKind.ACT_ELSEWHERE)).all()
        assert [(each.email, set(each.facts or {})) for each in told] == [(V, {"link", "purpose", "of"})]
    at_v = Visitor(app, V)
    at_v.post("/data")
    shown = at_v.get("/data")
    assert A1 not in shown
    assert SECRET not in shown
    assert client.get(undo_link(change)).status_code == 200


def test_after_the_seven_days_the_old_mailbox_hears_nothing_and_has_no_right(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    change = move(app, V, A1)
    let_undo_lapse()
    visitor = Visitor(app, A1)
    visitor.post("/data")
    assert NoticeKind.ACT_ELSEWHERE not in _posted_to(V)
    assert client.post(undo_link(change)).status_code == 410
    at_v = Visitor(app, V)
    at_v.post("/objection")
    at_v.post("/restriction")
    at_v = Visitor(app, V)
    assert at_v.post("/erasure", email=V)[0] == 200
    assert people() == {A1}
    assert written_to() == {(A1, "lettre"), (A1, "autre")}


def test_nobody_floods_the_old_mailbox(app: Flask, zoe: UUID) -> None:
    move(app, V, A1)
    visitor = Visitor(app, A1)
    for number in range(old_mailbox.TOLD_A_DAY + 3):
        visitor.post("/correct", name=f"X{number}", locale="fr")
    assert _posted_to(V).count(NoticeKind.ACT_ELSEWHERE) == old_mailbox.TOLD_A_DAY


def test_a_pending_sign_up_elsewhere_comes_along_and_is_confirmed_as_usual(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    with transaction() as db:
        make_newsletter(db, slug="troisieme", name="troisieme")
    change = move(app, V, A1)
    with transaction() as db:
        make_pending(db, newsletter(db, "troisieme"), email=V, now=utcnow())
    undone(client, change)
    assert written_to() == BOTH
    with transaction() as db:
        pending = select(Subscription.id).where(Subscription.state == SubscriptionState.PENDING)
        assert subscriptions.confirm(db, db.scalars(pending).one(), now=utcnow()) == "confirmed"
    assert written_to() == {*BOTH, (V, "troisieme")}


def test_what_the_mailbox_of_the_new_address_did_before_is_not_theirs(
    app: Flask, client: FlaskClient, zoe: UUID
) -> None:
    """Whoever left A1 long ago was somebody else: their no is not the person's who passes through."""
    with transaction() as db:
        pending = make_pending(db, newsletter(db), email=A1, now=utcnow())
        subscriptions.confirm(db, pending.id, now=utcnow())
    Visitor(app, A1).post("/erasure", email=A1)
    with transaction() as db:
        db.execute(update(RightsRequest).values(email=None))
    change = move(app, V, A1)
    undone(client, change)
    assert written_to() == BOTH
