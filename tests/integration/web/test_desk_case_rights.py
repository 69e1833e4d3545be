"""Every right is done within its case at the desk, and no case ends as satisfied against the ledger."""

import io
import zipfile
from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import fulfilment, register, self_service
from mailer.privacy.cases.fulfilment import NotDone
from mailer.privacy.models import AddressChange, Channel, Outcome, Right, RightsLink, RightsRequest
from mailer.privacy.rights import rectification
from mailer.subscribers import subscriptions
from mailer.subscribers.consent import wordings
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState, Suppression
from tests.support.desk_client import FRENCH, log_in, token
from tests.support.desk_rows import make_staff
from tests.support.make import import_people, make_newsletter, open_case
from tests.support.rights_links import open_session

pytestmark = pytest.mark.usefixtures("clean")
ZOE, NEW = "zoe@example.org", "zoe.new@example.org"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Léa, logged in; Zoé is subscribed to two letters."""
    with transaction() as db:
        make_staff(db)
        for slug, name in (("lettre", "La lettre"), ("appels", "Appels à projets")):
            import_people(db, make_newsletter(db, slug=slug, name=name), [ZOE], informed_at=utcnow())
    client = app.test_client()
    assert log_in(client).status_code == 303
    return client


def _post(client: FlaskClient, path: str, **data: object) -> TestResponse:
    form = {**data, "csrf_token": token(client, "/desk/rights/new")}
    return client.post(f"/desk/rights{path}", data=form, headers=FRENCH)


def _page(client: FlaskClient, case_id: UUID) -> str:
    return client.get(f"/desk/rights/{case_id}", headers=FRENCH).text


def _case(right: Right, **changes: object) -> UUID:
    with transaction() as db:
        return open_case(db, now=utcnow(), right=right, **changes).id


def _now(case_id: UUID) -> RightsRequest:
    with transaction() as db:
        return db.get_one(RightsRequest, case_id)


def _close(client: FlaskClient, case_id: UUID, outcome: str = "granted") -> TestResponse:
    with transaction() as db:
        seen = str(len(register.history(db, db.get_one(RightsRequest, case_id))))
    return _post(
        client, f"/{case_id}/close", words="C’est fait.", outcome=outcome, sure="yes", seen=seen
    )  # fmt: skip


def _mails(email: str | None = ZOE) -> list[NoticeKind]:
    with transaction() as db:
        return list(db.scalars(select(Notice.kind).where(Notice.email == email).order_by(Notice.created_at)))


def _states() -> dict[str, SubscriptionState]:
    with transaction() as db:
        return {each.newsletter_id.hex: each.state for each in db.scalars(select(Subscription))}


def _newsletters() -> list[str]:
    with transaction() as db:
        return [str(each) for each in db.scalars(select(Subscription.newsletter_id))]


def _withdraw(client: FlaskClient, case_id: UUID) -> TestResponse:
    return _post(client, f"/{case_id}/withdraw", newsletter=_newsletters())


def test_a_withdrawal_by_telephone_from_the_call_to_the_letter(client: FlaskClient) -> None:
    begun = _post(client, "/new", channel="phone", right="withdrawal", received=str(register.today(utcnow())),
                  name="Zoé Martin", email="", locale="fr", text="Ne veut plus rien recevoir")  # fmt: skip
    case_id = UUID(begun.location.rpartition("/")[2])
    refused = _close(client, case_id)
    assert (refused.status_code, "Trouver la personne" in refused.text) == (422, True)
    for typed, said in (
        ("zoe@", "en entier"),
        ("nobody@example.org", "Aucune donnée détenue"),
        (ZOE, "sont détenues pour cette adresse"),
    ):
        answer = _post(client, f"/{case_id}/find", email=typed)
        assert said in (answer.text if answer.status_code == 422 else _page(client, case_id))
    page = _page(client, case_id)
    assert "Appels à projets, La lettre" in page
    refused = _close(client, case_id)
    assert refused.status_code == 422
    assert "encore abonnée (Appels à projets, La lettre) : désinscrivez-la" in refused.text.replace(
        "\xa0", " "
    )
    assert _now(case_id).closed_at is None
    assert _withdraw(client, case_id).status_code == 303
    assert set(_states().values()) == {SubscriptionState.ENDED}
    with transaction() as db:
        goodbyes = db.scalars(select(Notice).where(Notice.kind == NoticeKind.GOODBYE)).all()
        assert len(goodbyes) == 2
        left = select(ConsentPayload).where(ConsentPayload.kind == ConsentKind.WITHDRAWN)
        assert {each.channel for each in db.scalars(left)} == {"phone"}
        steps = register.history(db, db.get_one(RightsRequest, case_id))
        staff = str(steps[0].by)
        assert [(each.what, each.by) for each in steps if each.what == "unsubscribed"] == [
            ("unsubscribed", staff)
        ]
        assert (steps[0].details["channel"], steps[0].details["right"]) == ("phone", "withdrawal")
        assert "rights withdraw" in set(db.scalars(select(Audit.what)))
    assert _close(client, case_id).status_code == 303
    assert _now(case_id).outcome is Outcome.GRANTED


def test_one_letter_of_two(client: FlaskClient) -> None:
    case_id = _case(Right.WITHDRAWAL)
    first, second = _newsletters()
    assert "Cochez au moins une lettre" in _post(client, f"/{case_id}/withdraw").text
    _post(client, f"/{case_id}/withdraw", newsletter=[first, "nonsense"])
    assert [_states()[UUID(each).hex] for each in (first, second)] == ["ended", "active"]
    with transaction() as db:
        assert db.get(Suppression, fingerprint_of(ZOE)) is None
    assert _close(client, case_id).status_code == 303


def test_whoever_came_back_meanwhile_was_not_unsubscribed(client: FlaskClient) -> None:
    case_id = _case(Right.WITHDRAWAL)
    _withdraw(client, case_id)
    with transaction() as db:
        of = db.scalars(select(Subscription.id)).first()
        assert of
        wording = wordings.current_wording("La lettre", "L’association", "fr")
        subscriptions.renew(db, of, wording=wording, now=utcnow())
    assert _close(client, case_id).status_code == 422
    assert _close(client, case_id, "withdrawn").status_code == 303


Does = Callable[[FlaskClient, UUID], object]


def _as_zoe(right: Right) -> None:
    secret = open_session(ZOE)
    with transaction() as db:
        link = db.scalars(select(RightsLink)).one()
        self_service.answered(db, link, right, now=utcnow())
    assert secret


@pytest.mark.parametrize(
    ("right", "sentence", "does"),
    [
        (Right.WITHDRAWAL, "encore abonnée", _withdraw),
        (Right.OBJECTION, "Aucune opposition", lambda client, of: _post(client, f"/{of}/object")),
        (Right.RESTRICTION, "n’est pas suspendue", lambda client, of: _post(client, f"/{of}/restrict")),
        (Right.RECTIFICATION, "Rien n’a été corrigé",
         lambda client, of: _post(client, f"/{of}/correct", name="Zoé", locale="en")),
        (Right.ACCESS, "n’a pas reçu ses données", lambda client, of: _post(client, f"/{of}/access.zip")),
        (Right.ACCESS, "n’a pas reçu ses données", lambda *_: _as_zoe(Right.ACCESS)),
        (Right.PORTABILITY, "n’a pas reçu ses données",
         lambda client, of: _post(client, f"/{of}/portability.zip")),
        (Right.ERASURE, "Rien n’a été effacé", None),
        (Right.UNCLEAR, "n’est pas précisé", None),
    ],
)  # fmt: skip
def test_no_case_ends_as_satisfied_before_it_is_done(
    client: FlaskClient, right: Right, sentence: str, does: Does | None
) -> None:
    case_id = _case(right)
    for sure in ("", "yes"):
        answer = _post(
            client, f"/{case_id}/close", words="C’est fait.", outcome="granted", sure=sure, seen="2"
        )
        assert (answer.status_code, sentence in answer.text) == (422, True)
        assert "C’est fait.</textarea>" in answer.text
    with transaction() as db, pytest.raises(NotDone):
        register.close(
            db, db.get_one(RightsRequest, case_id), Outcome.GRANTED, by="terminal", now=utcnow(), words="Oui."
        )
    held = _close(client, case_id, "nothing_held")
    assert (held.status_code, "le dossier ne peut pas indiquer le contraire" in held.text) == (422, True)
    assert NoticeKind.ANSWERED not in _mails()
    if does:
        does(client, case_id)
        assert _close(client, case_id).status_code == 303
        assert (_now(case_id).outcome, NoticeKind.ANSWERED in _mails()) == (Outcome.GRANTED, True)


def test_every_sentence_about_what_is_not_done_is_in_both_languages() -> None:
    for code in ("unclear", "no_address", "held", "withdrawal", "unconfirmed_address", *fulfilment._CHECKS):
        french, english = (NotDone(code, newsletters="L").sentence(locale) for locale in ("fr", "en"))
        assert french != english


def test_what_is_held_is_taken_out_for_the_post(client: FlaskClient) -> None:
    case_id = _case(Right.ACCESS, channel=Channel.POST)
    answer = _post(client, f"/{case_id}/access.zip")
    assert answer.mimetype == "application/zip"
    assert answer.headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as files:
        assert "data.json" in files.namelist()
        assert ZOE in files.read("data.json").decode()
    assert "Données téléchargées pour la personne" in _page(client, case_id)
    _post(client, f"/{case_id}/link")
    assert NoticeKind.RIGHTS in _mails()


def test_a_new_address_closes_its_case_once_its_mailbox_says_so(client: FlaskClient) -> None:
    case_id = _case(Right.RECTIFICATION, channel=Channel.PHONE)
    assert "en entier" in _post(client, f"/{case_id}/address", email="zoe.new@").text
    assert _post(client, f"/{case_id}/address", email=NEW).status_code == 303
    assert _mails(NEW) == [NoticeKind.NEW_ADDRESS]
    refused = _close(client, case_id)
    assert (refused.status_code, "n’est pas encore confirmée" in refused.text) == (422, True)
    with transaction() as db:
        change = db.scalars(select(AddressChange.id)).one()
        assert rectification.confirm(db, change, now=utcnow()) is rectification.Change.DONE
    assert (_now(case_id).outcome, _mails(ZOE)[-1]) == (Outcome.GRANTED, NoticeKind.ADDRESS_CHANGED)


def test_frozen_data_are_not_corrected(client: FlaskClient) -> None:
    case_id = _case(Right.RECTIFICATION)
    _post(client, f"/{case_id}/restrict")
    for act in ("correct", "address"):
        _post(client, f"/{case_id}/{act}", email=NEW, name="Zoé")
        assert "l’utilisation de ces données est suspendue" in _page(client, case_id)
    with transaction() as db:
        assert db.scalars(select(Subscriber.name)).one() is None


def test_an_objection_of_somebody_unknown_is_kept_for_later_files(client: FlaskClient) -> None:
    case_id = _case(Right.OBJECTION, email="unknown@example.org")
    _post(client, f"/{case_id}/object")
    with transaction() as db:
        assert db.get(Suppression, fingerprint_of("unknown@example.org"))
    assert _mails("unknown@example.org") == [NoticeKind.RECEIPT, NoticeKind.OBJECTED]
    assert _close(client, case_id).status_code == 303


def test_the_address_of_a_mail_is_not_replaced(client: FlaskClient) -> None:
    """Whoever wrote proved nothing about another mailbox."""
    case_id = _case(Right.WITHDRAWAL, email="eve@evil.example")
    assert "Trouver la personne" not in _page(client, case_id)
    _post(client, f"/{case_id}/find", email=ZOE)
    assert _now(case_id).email == "eve@evil.example"
    _withdraw(client, case_id)
    assert set(_states().values()) == {SubscriptionState.ACTIVE}


@pytest.mark.parametrize(
    "act", ["find", "withdraw", "object", "correct", "address", "link", "access.zip", "portability.zip"]
)
def test_a_closed_case_or_a_form_of_elsewhere_does_nothing(client: FlaskClient, act: str) -> None:
    case_id = _case(Right.ACCESS, channel=Channel.PHONE)
    assert client.post(f"/desk/rights/{case_id}/{act}", data={"email": NEW}).status_code == 400
    with transaction() as db:
        case = db.get_one(RightsRequest, case_id)
        register.close(db, case, Outcome.WITHDRAWN, by="terminal", now=utcnow())
    before = _mails()
    assert _post(client, f"/{case_id}/{act}", email=NEW, newsletter=_newsletters()).status_code == 303
    assert "Rien n’a changé" in _page(client, case_id)
    assert (_mails(), set(_states().values())) == (before, {SubscriptionState.ACTIVE})


# -- mails that nobody was answered -----------------------------------------------


def test_mails_to_read_are_listed_with_their_sender_and_dealt_with_together(client: FlaskClient) -> None:
    unread = {"receipt": False, "reason": "automatic", "subject": "Mes données", "text": "Effacez-moi"}
    machine = _case(Right.UNCLEAR, email="bot@example.org", **unread | {"from": "Un robot <bot@example.org>"})
    person = _case(Right.ERASURE, **unread | {"from": "Zoé <zoe@example.org>", "reason": "list"})
    answered = _case(Right.ACCESS, email="yan@example.org")
    page = client.get("/desk/rights/unread", headers=FRENCH).text
    assert "Un robot &lt;bot@example.org&gt;" in page
    assert "semble être un envoi en nombre" in page
    assert "À lire (2)" in page
    assert f"n° {_now(answered).number}" not in page.replace("\xa0", " ")
    assert _post(client, "/unread", act="receipt", case=[str(person), "nonsense"]).status_code == 303
    _post(client, "/unread", act="dismiss", case=[str(machine), str(answered)])
    assert (_mails(), _mails("bot@example.org")) == ([NoticeKind.RECEIPT], [])
    assert (_now(machine).outcome, _now(answered).outcome) == (Outcome.NOT_A_REQUEST, None)
    assert "Rien à lire" in client.get("/desk/rights/unread", headers=FRENCH).text
    _post(client, "/unread", act="dismiss")
    assert "cochez d’abord" in client.get("/desk/rights/unread", headers=FRENCH).text


def test_whoever_has_a_receipt_is_told_that_it_was_no_request(client: FlaskClient) -> None:
    case_id = _case(Right.UNCLEAR)
    silent = _post(client, f"/{case_id}/close", words="", outcome="not_a_request", sure="yes", seen="2")
    assert (silent.status_code, "Écrivez d’abord" in silent.text) == (422, True)
    assert _close(client, case_id, "not_a_request").status_code == 303
    assert _mails() == [NoticeKind.RECEIPT, NoticeKind.ANSWERED]
