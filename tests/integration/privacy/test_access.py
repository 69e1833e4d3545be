"""Access and portability: everything held, told to the person, and to take away."""

import csv
import io
import json
import re
import zipfile
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from mailer.core.db import transaction, utcnow
from mailer.delivery import audience
from mailer.delivery.models import Delivery
from mailer.newsletters.models import LegalBasis
from mailer.notices import outbox
from mailer.notices.models import NoticeKind
from mailer.privacy.cases import access_links, register
from mailer.privacy.models import Channel, Right, RightsLink, RightsRequest
from mailer.privacy.rights import access, export
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import subscriptions
from mailer.subscribers.models import Subscriber, Subscription
from tests.support.make import import_people, make_newsletter, make_pending, make_scheduled_issue
from tests.support.rights_links import Visitor, a_link

ZOE = "zoe@example.org"
HANDLER = "staff-7d1f"


@pytest.fixture
def zoe(app: Flask) -> UUID:
    """Somebody who signed up, received a letter, and once asked by post."""
    now = utcnow()
    with transaction() as db:
        newsletter = make_newsletter(db, name="La lettre du port")
        pending = make_pending(db, newsletter, email=ZOE, name="Zoé", now=now)
        subscriptions.confirm(db, pending.id, now=now)
        outbox.welcome(db, pending.id, now=now)
        issue = make_scheduled_issue(db, newsletter)
        audience.freeze(db, issue.id, now=now)
        row = db.scalars(select(Delivery)).one()
        row.state, row.code, row.reply, row.first_tried = DeliveryState.REFUSED, 550, "full", now
        case = register.open(db, right=Right.ACCESS, channel=Channel.POST, email=ZOE, locale="fr", now=now)
        register.pause(db, case, "Qui êtes-vous ?", by=HANDLER, now=now)
        return pending.subscriber_id


def files(body: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}


def first(sheet: str) -> dict[str, str]:
    return next(csv.DictReader(io.StringIO(sheet)))


def cases(right: Right) -> list[tuple[str | None, str]]:
    with transaction() as db:
        chosen = select(RightsRequest).where(RightsRequest.right == right, RightsRequest.channel == "link")
        return [(case.outcome, case.channel) for case in db.scalars(chosen)]


def test_the_page_tells_all_that_is_held_and_no_staff(app: Flask, zoe: UUID) -> None:
    visitor = Visitor(app, ZOE)
    assert "Les données que nous détenons sur vous" not in visitor.get("/data")
    status, page = visitor.post("/data")
    assert status == 303
    for told in (
        ZOE, "Zoé", "français", "La lettre du port", "inscription confirmée", "J’accepte de recevoir",
        "Numéro 1", "refusé", "refuse définitivement le courriel", "Courriel de bienvenue", "N° ",
        "le service communication",
        "3 ans", "5 ans", "dpo@example.org", "CNIL",
    ):  # fmt: skip
        assert told in page, told
    assert HANDLER not in page
    assert cases(Right.ACCESS) == [("granted", "link")]
    visitor.post("/data")
    visitor.download("/data.zip")
    assert len(cases(Right.ACCESS)) == 1


def test_a_pause_and_a_freeze_are_said_where_one_reads_what_one_receives(app: Flask, zoe: UUID) -> None:
    assert "Vous recevez cette lettre depuis" in Visitor(app, ZOE).post("/data")[1]
    with transaction() as db:
        db.get_one(Subscriber, zoe).paused_until = utcnow() + timedelta(days=10)
    page = Visitor(app, ZOE).post("/data")[1]
    assert "Vous recevez cette lettre depuis" not in page
    assert re.search(r"Les envois sont suspendus jusqu’au <time[^>]*>[^<]+</time>\. Votre abonnement", page)
    with transaction() as db:
        db.get_one(Subscriber, zoe).restricted_at = utcnow()
    page = Visitor(app, ZOE).post("/data")[1]
    assert "Vous recevez cette lettre depuis" not in page
    assert "L’utilisation de vos données est suspendue, et rien ne vous est envoyé" in page


def test_the_page_speaks_english(app: Flask, zoe: UUID) -> None:
    _, page = Visitor(app, ZOE, "en").post("/data")
    for told in ("The data we hold about you", "Welcome email", "refused", "GDPR, article 6"):
        assert told in page


def test_the_zip_holds_everything_in_three_forms(app: Flask, zoe: UUID) -> None:
    found = files(Visitor(app, ZOE).download("/data.zip"))
    assert {"mes-donnees.html", "data.json", "csv/subscriber.csv", "csv/consent.csv",
            "csv/delivery.csv"} <= set(found)  # fmt: skip
    assert not any(HANDLER in text for text in found.values())
    given = json.loads(found["data.json"])
    assert given["data"]["subscriber"][0]["email"] == ZOE
    assert given["data"]["delivery"][0]["reply"] == "full"
    assert [event["what"] for event in given["data"]["rights_event"]][:3] == ["opened", "told", "paused"]
    assert {entry["kind"] for entry in given["consent"]["letters"][0]["entries"]} == {
        "requested",
        "confirmed",
    }
    for name in ("controller", "purpose", "recipients", "retention", "source", "legal_basis"):
        assert given["about"][name], name
    assert first(found["csv/subscriber.csv"])["name"] == "Zoé"
    assert "La lettre du port" in found["mes-donnees.html"]


def test_the_copy_holds_no_key_to_anything(app: Flask, zoe: UUID) -> None:
    waiting = a_link(ZOE).removeprefix(access_links.PATH)
    visitor = Visitor(app, ZOE)
    body = visitor.download("/data.zip")
    said = "".join(files(body).values())
    with transaction() as db:
        ids = [str(link) for link in db.scalars(select(RightsLink.id))]
    for secret in (waiting, visitor.secret, *ids, *(each.replace("-", "") for each in ids)):
        assert secret not in said


def test_long_histories_are_paged_and_whole_in_the_zip(app: Flask, zoe: UUID) -> None:
    with transaction() as db:
        for number in range(120):
            outbox.post(db, NoticeKind.LETTER, email=ZOE, locale="fr", facts={"words": f"m{number}"},
                         now=utcnow() + timedelta(seconds=number))  # fmt: skip
    visitor = Visitor(app, ZOE)
    _, first = visitor.post("/data")
    assert first.count("<tr>") == export.PAGE + 1
    assert "Page 1 sur 3" in first
    last = visitor.get("/data", number=3)
    assert "Courriel de bienvenue" in last
    assert "Courriel de bienvenue" not in first
    assert files(visitor.download("/data.zip"))["csv/notice.csv"].count("\n") > 120
    assert visitor.get("/data", number=99).count("<tr>") == 0


def test_portability_is_what_was_given_on_consent(app: Flask, zoe: UUID) -> None:
    with transaction() as db:
        task = make_newsletter(db, slug="mission", name="Mission", legal_basis=LegalBasis.PUBLIC_TASK)
        import_people(db, task, [ZOE])
    found = files(Visitor(app, ZOE).download("/portability.zip"))
    given = json.loads(found["portabilite.json"])
    assert given["person"] == {"email": ZOE, "name": "Zoé", "locale": "fr"}
    assert [each["newsletter"] for each in given["subscriptions"]] == ["La lettre du port"]
    assert "550" not in "".join(found.values())
    assert first(found["portabilite.csv"])["email"] == ZOE
    assert cases(Right.PORTABILITY) == [("granted", "link")]


def test_where_only_the_evidence_is_left_it_is_told(app: Flask, zoe: UUID) -> None:
    with transaction() as db:
        db.delete(db.get_one(Subscription, db.scalars(select(Subscription.id)).one()))
        db.flush()
        db.delete(db.get_one(Subscriber, zoe))
    _, page = Visitor(app, ZOE).post("/data")
    assert "Seuls les éléments suivants sont conservés" in page
    assert "inscription confirmée" in page


def test_nothing_held_says_so(app: Flask, clean: None) -> None:
    with transaction() as db:
        held = access.draw(db, "nobody@example.org", utcnow())
    assert held.empty
    assert "Nous ne détenons aucune donnée" in export.document(held, "fr")


def test_another_person_is_in_nobody_s_copy(app: Flask, zoe: UUID) -> None:
    with transaction() as db:
        other = make_pending(db, make_newsletter(db, slug="autre"), email="nina@example.org", now=utcnow())
        subscriptions.confirm(db, other.id, now=utcnow())
        held = access.draw(db, "nina@example.org", utcnow())
    said = "".join(files(export.archive(held, "fr")).values())
    assert "nina@example.org" in said
    assert "zoe" not in said.lower()


def test_a_cell_that_a_spreadsheet_would_run_is_guarded(app: Flask, zoe: UUID) -> None:
    with transaction() as db:
        db.get_one(Subscriber, zoe).name = "=1+1"
    found = files(Visitor(app, ZOE).download("/data.zip"))
    assert "'=1+1" in found["csv/subscriber.csv"]
    assert json.loads(found["data.json"])["data"]["subscriber"][0]["name"] == "=1+1"
