"""Every right after A→B→C: what ever named the person is theirs, and nothing of it is anybody else's."""

import io
import json
import zipfile
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Table, func, select, text, update
from sqlalchemy.orm import Session

from mailer.core import audit
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.models import metadata
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import access_links, register
from mailer.privacy.models import AddressChange, RightsIntake, RightsRequest
from mailer.privacy.rights import access, disclosures, erasure, erasure_worker
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import subscribers, subscriptions
from mailer.subscribers.models import (
    PreferencesRequest,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)
from mailer.subscribers.recipients import recipient
from tests.support.make import ask, erase, import_people, make_newsletter, make_pending, open_case
from tests.support.moves import let_undo_lapse, move
from tests.support.notices import send_due
from tests.support.rights_links import Visitor
from tests.support.sink import running_sink

A, B, C = "kanari@alpha.example", "kanari@bravo.example", "kanari@charlie.example"
CANARY = "kanari"
RIGHTS = ("access", "portability", "rectification", "restriction", "objection", "withdrawal", "erasure")


@pytest.fixture
def moved(app: Flask, settings: Settings) -> UUID:
    """Somebody who lived here as A, then as B, and is C now; their mails have left."""
    now = utcnow() - timedelta(days=30)
    with transaction() as db:
        pending = make_pending(db, make_newsletter(db), email=A, name="Zoé", now=now)
        subscriptions.confirm(db, pending.id, now=now)
        subscribers.leave_directives(db.get_one(Subscriber, pending.subscriber_id), "Effacez tout.")
        whose = pending.subscriber_id
        outbox.post(db, NoticeKind.LETTER, email=A, locale="fr", facts={"words": "à A"}, now=now)
    for old, new in ((A, B), (B, C)):
        Visitor(app, old).post("/data")
        move(app, old, new)
        let_undo_lapse()
    with transaction() as db:
        db.execute(update(Notice).values(state=DeliveryState.ACCEPTED))
    return whose


def _held(email: str) -> access.HeldData:
    with transaction() as db:
        return access.draw(db, email, utcnow())


def _written_to(db: Session) -> list[str]:
    rows = recipient()
    return list(db.scalars(select(rows.c.email).where(rows.c.withheld.is_(None))))


def _left() -> dict[str, int]:
    """In which tables the canary is, in how many rows."""
    with transaction() as db:
        counts = {table.name: _count(db, table) for table in metadata.sorted_tables}
    return {name: count for name, count in counts.items() if count}


def _count(db: Session, table: Table) -> int:
    rows = text(f'SELECT count(*) FROM "{table.name}" t WHERE t::text LIKE :a OR t::text LIKE :b')  # noqa: S608
    return db.scalar(rows, {"a": f"%{CANARY}%", "b": f"%{CANARY.encode().hex()}%"}) or 0


def test_the_canary_is_there_before(moved: UUID) -> None:
    """The proof that an empty result means something: all three addresses are held."""
    with transaction() as db:
        sent = set(db.scalars(select(Notice.email).where(Notice.email.is_not(None))))
    assert {A, B, C} <= sent
    assert {"notice", "subscriber"} <= _left().keys()


def test_access_gives_what_was_held_under_every_address(app: Flask, moved: UUID) -> None:
    archive = zipfile.ZipFile(io.BytesIO(Visitor(app, C).download("/data.zip")))
    data: dict[str, Any] = json.loads(archive.read("data.json"))["data"]
    sent = [(each["email"], each["kind"]) for each in data["notice"]]
    assert {email for email, _ in sent} >= {A, B}
    assert {(A, "letter"), (A, "address_changed"), (B, "address_changed"), (B, "new_address")} <= set(sent)
    assert [each["right"] for each in data["rights_request"]].count("access") == 3  # by A, by B, and now
    kinds = [each.kind for letter in _held(C).consent.letters for each in letter.entries]
    assert kinds == ["requested", "confirmed", *["rectified"] * 4]


@pytest.mark.parametrize("old", [A, B])
def test_an_earlier_mailbox_reads_nothing_of_it(app: Flask, moved: UUID, old: str) -> None:
    held = _held(old)
    assert held.tables["notice"] == held.tables["address_change"] == held.tables["rights_request"] == []
    assert held.subscriber is None
    visitor = Visitor(app, old)
    visitor.post("/data")
    shown = visitor.get("/data")
    for other in {A, B, C} - {old}:
        assert other not in shown
    assert "Effacez tout." not in shown


@pytest.mark.parametrize("old", [A, B])
def test_an_earlier_mailbox_has_no_right_over_it(app: Flask, moved: UUID, old: str) -> None:
    visitor = Visitor(app, old)
    for act in ("/restriction", "/withdrawal", "/objection", "/directives", "/correct"):
        visitor.post(act, name="X", locale="en", directives="X")
    visitor.post("/address", email="other@example.org")
    visitor.post("/erasure", email=old)
    with transaction() as db:
        whose = db.get_one(Subscriber, moved)
        assert (whose.email, whose.name, whose.directives) == (C, "Zoé", "Effacez tout.")
        assert _written_to(db) == [C]


def test_portability_gives_what_they_gave(app: Flask, moved: UUID) -> None:
    archive = zipfile.ZipFile(io.BytesIO(Visitor(app, C).download("/portability.zip")))
    given = json.loads(archive.read("portabilite.json"))
    assert given["person"] == {"email": C, "name": "Zoé", "locale": "fr"}
    assert [each["newsletter"] for each in given["subscriptions"]] == ["La lettre"]


def test_rectification_corrects_and_moves_on(app: Flask, moved: UUID) -> None:
    Visitor(app, C).post("/correct", name="Zoé Martin", locale="fr")
    move(app, C, "kanari@delta.example")
    with transaction() as db:
        whose = db.get_one(Subscriber, moved)
        assert (whose.name, whose.email) == ("Zoé Martin", "kanari@delta.example")
        assert _written_to(db) == ["kanari@delta.example"]


def test_restriction_stops_mail(app: Flask, moved: UUID) -> None:
    visitor = Visitor(app, C)
    visitor.post("/restriction")
    with transaction() as db:
        assert _written_to(db) == []
    visitor.post("/thaw")
    with transaction() as db:
        assert _written_to(db) == [C]


@pytest.mark.parametrize("act", ["objection", "withdrawal"])
def test_objection_and_withdrawal_end_every_letter_and_no_address_comes_back_by_a_file(
    app: Flask, moved: UUID, act: str
) -> None:
    Visitor(app, C).post(f"/{act}")
    with transaction() as db:
        assert _written_to(db) == []
        assert set(db.scalars(select(Subscription.state))) == {SubscriptionState.ENDED}
        assert db.get(Suppression, fingerprint_of(C))
        newsletter = db.scalars(select(Newsletter)).one()
        assert set(import_people(db, newsletter, [A, B, C])) <= {"withdrawn", "suppressed"}


def test_erasure_leaves_keyed_fingerprints_alone(app: Flask, moved: UUID, settings: Settings) -> None:
    status, page = Visitor(app, C).post("/erasure", email=C)
    assert status == 200
    assert "conservées pour vos adresses précédentes" in page
    with transaction() as db:
        assert set(db.scalars(select(Notice.email))) == {C}  # the certificate's
        [case] = (db.get_one(RightsRequest, each) for each in erasure.unfinished(db))
        assert erasure.written_to(db, case, erasure.EARLIER) == {A, B, C}  # whose mails are looked for
    with running_sink() as sink:
        send_due(settings.model_copy(update={"relay_url": sink.url}))
    assert erasure_worker.work(settings, clock=utcnow) == 1
    assert _left() == {}


def test_every_right_was_exercised_here() -> None:
    named = " ".join(name for name in globals() if name.startswith("test_"))
    assert [right for right in RIGHTS if right not in named] == []


def test_what_was_asked_from_an_earlier_address_goes_and_what_its_next_owner_asks_stays(
    app: Flask, clean: None
) -> None:
    now = utcnow()
    with transaction() as db:
        newsletter = make_newsletter(db)
        pending = make_pending(db, newsletter, email=A, now=now - timedelta(days=30))
        subscriptions.confirm(db, pending.id, now=now - timedelta(days=30))
        ask(db, newsletter, A, now=now - timedelta(days=1))
        db.add(PreferencesRequest(email=A, at=now - timedelta(days=1)))
        db.add(RightsIntake(email=A, locale="fr", at=now - timedelta(days=1), due_at=now))
    move(app, A, B)
    with transaction() as db:
        db.execute(update(AddressChange).values(expires_at=utcnow()))
        access_links.request(db, email=A, locale="fr", now=utcnow() + timedelta(seconds=1))
        erase(db, B, never_again=False, now=utcnow() + timedelta(seconds=2))
        assert db.scalar(select(func.count()).select_from(PreferencesRequest)) == 0
        assert db.scalars(select(RightsIntake.at)).one() > now
        assert db.scalar(text("SELECT count(*) FROM signup_request")) == 0


def test_a_file_taken_out_under_an_earlier_address_is_told(app: Flask, moved: UUID) -> None:
    """An inspection of A's consent record was an export about this person (RGPD 19)."""
    with transaction() as db:
        details = {"fingerprint": fingerprint_of(A).hex()}
        audit.record(db, who=audit.TERMINAL, what=disclosures.INSPECTION, details=details, now=utcnow())
        assert len(disclosures.files(db, fingerprint_of(C))) == 1
        assert len(disclosures.files(db, fingerprint_of(B))) == 1


def test_an_open_case_of_somebody_else_loses_every_address_they_had(moved: UUID) -> None:
    with transaction() as db:
        others = open_case(db, now=utcnow(), email="ada@example.org", text=f"{A}, puis {B} ; {C} !")
        erase(db, C, never_again=False, now=utcnow())
        db.expire_all()
        said = register.history(db, others)[0].details["text"]
    assert said.count("—") == 3
    assert CANARY not in said
