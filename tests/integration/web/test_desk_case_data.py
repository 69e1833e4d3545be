"""Freezing, unfreezing and erasing within a case, through the desk's HTTP door."""

from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import register
from mailer.privacy.models import Channel, Outcome, Right, RightsRequest
from mailer.privacy.rights import erasure, erasure_worker
from mailer.subscribers.models import Subscriber, Suppression, SuppressionReason
from tests.support.desk_client import FRENCH, log_in, token
from tests.support.desk_rows import make_staff
from tests.support.make import import_people, make_newsletter, open_case
from tests.support.moves import let_undo_lapse, move

pytestmark = pytest.mark.usefixtures("clean")
ZOE, YAN = "zoe@example.org", "yan@example.org"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Léa, logged in; Zoé and Yan are subscribed."""
    with transaction() as db:
        make_staff(db)
        import_people(db, make_newsletter(db), [ZOE, YAN])
    client = app.test_client()
    assert log_in(client).status_code == 303
    return client


def _case(**changes: object) -> UUID:
    with transaction() as db:
        return open_case(db, now=utcnow(), **changes).id


def _post(client: FlaskClient, case_id: UUID, act: str, **data: str) -> TestResponse:
    data["csrf_token"] = token(client, "/desk/rights/new")
    return client.post(f"/desk/rights/{case_id}/{act}", data=data, headers=FRENCH)


def _page(client: FlaskClient, case_id: UUID) -> str:
    return client.get(f"/desk/rights/{case_id}", headers=FRENCH).text


def _people() -> dict[str, Subscriber]:
    with transaction() as db:
        return {each.email: each for each in db.scalars(select(Subscriber))}


def _letters() -> list[NoticeKind]:
    with transaction() as db:
        return list(db.scalars(select(Notice.kind).where(Notice.email == ZOE).order_by(Notice.created_at)))


def _audited() -> list[tuple[str, object]]:
    with transaction() as db:
        return [
            (each.what, each.details.get("case")) for each in db.scalars(select(Audit).order_by(Audit.id))
        ]


def _now(case_id: UUID) -> RightsRequest:
    with transaction() as db:
        return db.get_one(RightsRequest, case_id)


def _steps(case_id: UUID) -> list[str]:
    with transaction() as db:
        return [step.what for step in register.history(db, db.get_one(RightsRequest, case_id))]


def test_freezing_and_unfreezing_once_each_whatever_is_clicked(client: FlaskClient) -> None:
    case_id = _case(right=Right.RESTRICTION)
    assert "Suspendre l’utilisation des données" in _page(client, case_id)
    for told in ("est suspendue, et la personne", "était déjà suspendue"):
        assert _post(client, case_id, "restrict").status_code == 303
        assert told in _page(client, case_id)
    assert _people()[ZOE].restricted_at
    assert not _people()[YAN].restricted_at
    for _ in range(2):
        _post(client, case_id, "lift")
        assert "la limitation prend fin le" in _page(client, case_id)
    assert _people()[ZOE].lift_at
    assert _letters() == [NoticeKind.RECEIPT, NoticeKind.RESTRICTED, NoticeKind.UNRESTRICTED]
    assert _steps(case_id)[2:] == ["restricted", "lifting"]
    assert {what for what, case in _audited() if case == _now(case_id).number} == {
        "rights restrict",
        "rights lift",
    }


def test_nothing_to_freeze_is_said(client: FlaskClient) -> None:
    for case_id in (_case(email="nobody@example.org"), _case(email=None, name="Yan", channel=Channel.POST)):
        for act in ("restrict", "lift"):
            _post(client, case_id, act)
            assert "rien à faire" in _page(client, case_id)
    assert _audited() == []
    unfrozen = _case()
    _post(client, unfrozen, "lift")
    assert "rien à faire" in _page(client, unfrozen)


def test_erasing_takes_the_address_typed(client: FlaskClient) -> None:
    case_id = _case(right=Right.UNCLEAR)
    for typed, sentence in ((YAN, "pas l’adresse de ce dossier"), ("", "en entier"), ("zoe@", "en entier")):
        answer = _post(client, case_id, "erase", email=typed)
        assert (answer.status_code, sentence in answer.text) == (422, True)
    assert set(_people()) == {ZOE, YAN}
    assert _post(client, case_id, "erase", email=" Zoe@Example.org ", never_again="yes").status_code == 303
    page = _page(client, case_id)
    assert "Les données sont effacées" in page
    assert "se clôture de lui-même" in page
    assert "Répondre et clôturer" not in page
    assert set(_people()) == {YAN}
    with transaction() as db:
        assert db.scalars(select(Suppression.reason)).all() == [SuppressionReason.ERASED]
    assert _audited() == [("rights erase", _now(case_id).number)]
    assert erasure_worker.work(settings(), clock=lambda: utcnow() + erasure.WAIT) == 1
    case = _now(case_id)
    assert (case.right, case.outcome, case.email) == (Right.ERASURE, Outcome.GRANTED, None)


def test_a_second_click_erases_nothing_twice(client: FlaskClient) -> None:
    case_id = _case(right=Right.ERASURE)
    for told in ("Les données sont effacées, et", "c’était déjà effacé"):
        assert _post(client, case_id, "erase", email=ZOE).status_code == 303
        assert told in _page(client, case_id)
    assert _letters().count(NoticeKind.ERASED) == 1
    assert len(_audited()) == 1
    answer = _post(client, case_id, "close", words="Fait.", outcome="granted")
    assert (answer.status_code, "se clôture de lui-même" in answer.text) == (422, True)


def test_a_letter_by_post_has_its_address_typed_twice(client: FlaskClient) -> None:
    case_id = _case(email=None, name="Zoé Martin", channel=Channel.POST, right=Right.ERASURE)
    assert "Confirmez la nouvelle adresse" in _page(client, case_id)
    answer = _post(client, case_id, "erase", email=ZOE, again=YAN)
    assert (answer.status_code, "adresses diffèrent" in answer.text) == (422, True)
    assert _post(client, case_id, "erase", email=ZOE, again="ZOE@example.org").status_code == 303
    assert set(_people()) == {YAN}
    assert _now(case_id).email == ZOE


@pytest.mark.parametrize("act", ["restrict", "lift", "erase"])
def test_a_closed_case_or_a_form_of_elsewhere_does_nothing(client: FlaskClient, act: str) -> None:
    case_id = _case()
    assert client.post(f"/desk/rights/{case_id}/{act}", data={"email": ZOE}).status_code == 400
    with transaction() as db:
        register.close(db, db.get_one(RightsRequest, case_id), Outcome.GRANTED, by="service", now=utcnow())
    _post(client, case_id, act, email=ZOE)
    assert "Rien n’a changé" in _page(client, case_id)
    assert not _people()[ZOE].restricted_at
    assert _audited() == []
    assert "Suspendre l’utilisation des données" not in _page(client, case_id)


def test_an_erasure_waits_while_the_old_mailbox_may_undo_a_change_and_mail_has_stopped(
    app: Flask, client: FlaskClient
) -> None:
    new = "zoe@example.com"
    move(app, ZOE, new)
    case_id = _case(right=Right.ERASURE, email=new)
    assert _post(client, case_id, "erase", email=new).status_code == 303
    page = _page(client, case_id)
    assert "Plus rien n’est envoyé" in page
    assert "Envois arrêtés" in page
    assert _people()[new].restricted_at
    _post(client, case_id, "lift")
    assert _people()[new].lift_at is None
    assert erasure_worker.retry(clock=utcnow) == 0
    let_undo_lapse()
    assert erasure_worker.retry(clock=utcnow) == 1
    assert set(_people()) == {YAN}
    assert _steps(case_id)[-3:].count("erased") == 1


def test_the_old_mailbox_hears_of_what_staff_do_to_the_new_one(app: Flask, client: FlaskClient) -> None:
    new = "zoe@example.com"
    move(app, ZOE, new)
    assert _post(client, _case(right=Right.RESTRICTION, email=new), "restrict").status_code == 303
    assert _letters()[-1] is NoticeKind.ACT_ELSEWHERE
