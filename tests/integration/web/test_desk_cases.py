"""The register at the desk, through its HTTP door."""

import csv
from datetime import timedelta
from io import StringIO
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import register
from mailer.privacy.models import Channel, Outcome, Right, RightsRequest
from tests.support.desk_client import FRENCH, token
from tests.support.make import open_case

pytestmark = pytest.mark.usefixtures("clean")


@pytest.fixture
def client(desk: FlaskClient) -> FlaskClient:
    return desk


def _case(days: int = 0, **changes: object) -> UUID:
    """A case received so many days ago."""
    with transaction() as db:
        return open_case(db, now=utcnow() - timedelta(days=days), **changes).id


def _post(client: FlaskClient, path: str, **data: str) -> TestResponse:
    data["csrf_token"] = token(client, "/desk/rights/new")
    if data.get("sure") == "yes":  # as the page to read over says
        data.setdefault("seen", str(_steps(path.split("/")[1])))
    return client.post(f"/desk/rights{path}", data=data, headers=FRENCH, buffered=True)


def _steps(case_id: str) -> int:
    with transaction() as db:
        return len(register.history(db, db.get_one(RightsRequest, UUID(case_id))))


def _now(case_id: UUID) -> RightsRequest:
    with transaction() as db:
        return db.get_one(RightsRequest, case_id)


def _letters() -> list[NoticeKind]:
    with transaction() as db:
        return list(db.scalars(select(Notice.kind).order_by(Notice.created_at)))


def _audited() -> list[str]:
    with transaction() as db:
        return list(db.scalars(select(Audit.what).order_by(Audit.id)))


def test_an_empty_register(client: FlaskClient) -> None:
    assert "Aucun dossier en cours" in client.get("/desk/rights", headers=FRENCH).text
    assert "Aucun dossier clôturé" in client.get("/desk/rights?closed=1", headers=FRENCH).text


def test_the_most_urgent_comes_first_and_says_so(client: FlaskClient) -> None:
    _case(0, email="later@example.org")
    _case(40, email="late@example.org")
    page = client.get("/desk/rights", headers=FRENCH).text
    assert page.index("late@example.org") < page.index("later@example.org")
    assert "En retard de" in page
    assert "Encore" in page


def test_a_letter_by_post_becomes_a_case(client: FlaskClient) -> None:
    form = {
        "channel": "post", "right": "erasure", "received": "2026-01-31", "name": "Zoé Martin", "email": "",
        "locale": "fr", "text": "Effacez tout.\x07",
    }  # fmt: skip
    answer = _post(client, "/new", **form | {"received": _day(-3)})
    assert answer.status_code == 303
    page = client.get(answer.location, headers=FRENCH).text
    assert "Zoé Martin" in page
    assert "Effacez tout." in page
    assert "Léa Martin" in page
    case = _now(UUID(answer.location.rpartition("/")[2]))
    assert (case.channel, case.right, case.email) == (Channel.POST, Right.ERASURE, None)
    assert register.today(case.received_at).isoformat() == _day(-3)
    assert _audited() == ["rights open"]


def _day(ahead: int) -> str:
    return (register.today(utcnow()) + timedelta(days=ahead)).isoformat()


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("received", "hier", "s’écrit 2026-01-31"),
        ("received", "2999-01-01", "est à venir"),
        ("received", "1999-01-01", "trop ancienne"),
        ("email", "zoe@", "n’est pas complète"),
        ("name", "", "savoir à qui répondre"),
        ("right", "everything", "Choisissez dans la liste"),
        ("channel", "pigeon", "Choisissez dans la liste"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    client: FlaskClient, field: str, typed: str, sentence: str
) -> None:
    form = {
        "channel": "phone",
        "right": "access",
        "received": _day(0),
        "name": "Yan",
        "text": "Que savez-vous ?",
    }
    answer = _post(client, "/new", **form | {field: typed})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "Que savez-vous" in answer.text
    with transaction() as db:
        assert db.scalars(select(RightsRequest)).all() == []


@pytest.mark.parametrize(
    ("act", "letter", "shown"),
    [
        ("write", NoticeKind.LETTER, "À propos de votre demande"),
        ("pause", NoticeKind.IDENTITY, "Êtes-vous à l’origine de cette demande"),
        ("extend", NoticeKind.EXTENDED, "Prolongation du délai de réponse"),
        ("refuse", NoticeKind.REFUSED, "www.cnil.fr/fr/plaintes"),
        ("close", NoticeKind.ANSWERED, "Notre réponse à votre demande"),
    ],
)
def test_a_letter_is_looked_over_before_it_leaves(
    client: FlaskClient, act: str, letter: NoticeKind, shown: str
) -> None:
    case_id = _case()
    said = {"words": "Voici <pourquoi>.\nEt comment.", "outcome": "nothing_held"}
    over = _post(client, f"/{case_id}/{act}", **said)
    assert over.status_code == 200
    assert shown in over.text
    assert "Voici &lt;pourquoi&gt;." in over.text
    back = _post(client, f"/{case_id}/{act}", **said, sure="no")
    assert "Voici &lt;pourquoi&gt;.\nEt comment.</textarea>" in back.text
    assert _letters() == [NoticeKind.RECEIPT]
    assert _post(client, f"/{case_id}/{act}", **said, sure="yes").status_code == 303
    assert _letters() == [NoticeKind.RECEIPT, letter]
    assert _audited() == [f"rights {act}"]
    case = _now(case_id)
    assert (case.closed_at is not None) == (act in {"refuse", "close"})
    assert (case.paused_at is not None) == (act == "pause")
    assert (case.extended_at is not None) == (act == "extend")


def test_an_extension_shows_the_date_it_brings(client: FlaskClient) -> None:
    case_id = _case()
    with transaction() as db:
        found = register.find(db, case_id)
        assert found
        brings = register.clock(db, found).extended_due
    assert str(brings.year) in _post(client, f"/{case_id}/extend", words="Trop de demandes.").text


@pytest.mark.parametrize("act", ["write", "pause", "extend", "refuse", "close"])
def test_no_letter_without_words(client: FlaskClient, act: str) -> None:
    case_id = _case()
    answer = _post(client, f"/{case_id}/{act}", words=" \r\n", outcome="nothing_held", sure="yes")
    assert answer.status_code == 422
    assert "Écrivez d’abord" in answer.text
    assert _letters() == [NoticeKind.RECEIPT]


def test_too_late_to_extend(client: FlaskClient) -> None:
    case_id = _case(45)
    assert "Prolonger de deux mois" not in client.get(f"/desk/rights/{case_id}", headers=FRENCH).text
    answer = _post(client, f"/{case_id}/extend", words="Trop de demandes.", sure="yes")
    assert answer.status_code == 422
    assert "ne peut plus être prolongé" in answer.text
    assert _now(case_id).extended_at is None


def test_a_case_that_the_person_gave_up_is_told_to_the_mailbox(client: FlaskClient) -> None:
    """Whoever gave it up, on the telephone or by a forged mail, may not be who asked."""
    case_id = _case()
    assert _post(client, f"/{case_id}/close", outcome="refused", words="Non.").status_code == 422
    over = _post(client, f"/{case_id}/close", outcome="withdrawn").text
    assert "Votre demande est retirée" in over
    assert "quelqu’un l’a fait en votre nom" in over
    _post(client, f"/{case_id}/close", outcome="withdrawn", sure="yes")
    assert _now(case_id).outcome is Outcome.WITHDRAWN
    assert _letters() == [NoticeKind.RECEIPT, NoticeKind.GIVEN_UP]


def test_who_did_not_say_who_they_are_is_told_that_the_case_ends(client: FlaskClient) -> None:
    case_id = _case()
    _post(client, f"/{case_id}/close", outcome="unidentified", sure="yes")
    assert _letters() == [NoticeKind.RECEIPT, NoticeKind.ANSWERED]


def test_resume_and_qualify(client: FlaskClient) -> None:
    case_id = _case(right=Right.UNCLEAR)
    _post(client, f"/{case_id}/pause", words="Qui êtes-vous ?", sure="yes")
    _post(client, f"/{case_id}/resume")
    _post(client, f"/{case_id}/qualify", right="erasure")
    _post(client, f"/{case_id}/qualify", right="everything")
    case = _now(case_id)
    assert (case.paused_at, case.right) == (None, Right.ERASURE)
    page = client.get(f"/desk/rights/{case_id}", headers=FRENCH).text
    for step in ("Délai suspendu", "Délai repris", "Droit précisé", "Accusé de réception"):
        assert step in page


def test_a_second_click_on_a_closed_case_changes_nothing(client: FlaskClient) -> None:
    case_id = _case()
    for _ in range(2):
        answer = _post(client, f"/{case_id}/refuse", words="Non.", sure="yes")
        assert answer.status_code == 303
    assert "Rien n’a changé" in client.get(answer.location, headers=FRENCH).text
    assert _letters().count(NoticeKind.REFUSED) == 1
    assert _audited() == ["rights refuse"]


def test_a_second_click_sends_no_second_letter(client: FlaskClient) -> None:
    case_id = _case()
    over = _post(client, f"/{case_id}/write", words="Quelle lettre ?").text
    assert f'name="seen" value="{_steps(str(case_id))}"' in over
    twice = {"words": "Quelle lettre ?", "sure": "yes", "seen": str(_steps(str(case_id)))}
    assert [_post(client, f"/{case_id}/write", **twice).status_code for _ in range(2)] == [303, 422]
    assert _letters() == [NoticeKind.RECEIPT, NoticeKind.LETTER]


def test_a_letter_read_over_in_another_tab_does_not_leave_unseen(client: FlaskClient) -> None:
    case_id = _case()
    seen = str(_steps(str(case_id)))
    _post(client, f"/{case_id}/extend", words="Trop de demandes.", sure="yes")
    answer = _post(client, f"/{case_id}/close", words="Voici.", outcome="nothing_held", sure="yes", seen=seen)
    assert answer.status_code == 422
    assert "a changé entre-temps" in answer.text
    assert "Voici.</textarea>" in answer.text
    assert _now(case_id).closed_at is None


def test_a_question_is_asked_once_and_the_second_is_not_said_to_have_left(client: FlaskClient) -> None:
    case_id = _case()
    said = {"words": "Qui êtes-vous ?", "sure": "yes", "seen": str(_steps(str(case_id)))}
    assert _post(client, f"/{case_id}/pause", **said).status_code == 303
    again = _post(client, f"/{case_id}/pause", **said)
    assert (again.status_code, "Rien d’autre n’a été envoyé" in again.text) == (422, True)
    stale = _post(client, f"/{case_id}/pause", words="Et où ?")
    assert (stale.status_code, "est déjà suspendu" in stale.text) == (422, True)
    assert "Et où ?</textarea>" in stale.text
    assert _letters() == [NoticeKind.RECEIPT, NoticeKind.IDENTITY]
    for told in ("court de nouveau", "courait déjà"):
        _post(client, f"/{case_id}/resume")
        assert told in client.get(f"/desk/rights/{case_id}", headers=FRENCH).text
    assert _audited() == ["rights pause", "rights resume"]


def test_a_case_without_an_address_is_answered_by_post(client: FlaskClient) -> None:
    case_id = _case(email=None, name="Zoé Martin", channel=Channel.POST)
    assert "imprimez ce texte" in _post(client, f"/{case_id}/refuse", words="Non.").text
    _post(client, f"/{case_id}/refuse", words="Non.", sure="yes")
    assert "à envoyer par courrier" in client.get(f"/desk/rights/{case_id}", headers=FRENCH).text
    assert _letters() == []


def test_the_register_as_a_file(client: FlaskClient) -> None:
    _case()
    answer = _post(client, "/register", format="csv")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert len(list(csv.reader(StringIO(answer.text)))) == 2
    assert _audited() == ["rights export"]


def test_everything_in_english(client: FlaskClient) -> None:
    case_id = _case()
    page = client.get(f"/desk/rights/{case_id}?lang=en").text
    assert "To be answered by" in page
    assert "Extend by two months" in page
