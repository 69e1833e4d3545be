"""People taken over at the desk: sent, looked at, confirmed, taken, undone."""

import io
import re
from datetime import date, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from mailer.core.after_commit import Task
from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.export_file import ExportFormat
from mailer.core.settings import settings
from mailer.imports import export, worker
from mailer.imports.models import Import, ImportFile, ImportState
from mailer.newsletters.models import Newsletter
from mailer.rendering.typography import french
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState
from tests.support.desk_client import FRENCH, token
from tests.support.desk_rows import make_newsletter

pytestmark = pytest.mark.usefixtures("clean")
BODY = "email;name;consented_at\nann@example.org;Ann;2024-05-02\nnobody;;2024-05-02\n"


@pytest.fixture
def client(desk: FlaskClient) -> FlaskClient:
    return desk


@pytest.fixture
def slug(client: FlaskClient) -> str:
    with transaction() as db:
        return make_newsletter(db).slug


def _send(client: FlaskClient, slug: str, body: str | bytes = BODY, **changes: str) -> TestResponse:
    """Send a file, and agree to what its columns are taken for."""
    sent = _upload(client, slug, body, **changes)
    return agree(client, sent.location) if sent.status_code == 303 else sent


def _upload(client: FlaskClient, slug: str, body: str | bytes = BODY, **changes: str) -> TestResponse:
    given = {"newsletter": slug, "source": "salon de janvier", "consented_at": "",
             "csrf_token": token(client, "/desk/people")} | changes  # fmt: skip
    file = io.BytesIO(body if isinstance(body, bytes) else body.encode())
    return client.post("/desk/people", data=given | {"file": (file, "gens.csv")}, headers=FRENCH)


def agree(client: FlaskClient, path: str, **changes: str) -> TestResponse:
    """Press the button of the columns' page, as it stands but for these fields."""
    shown = {name: chosen for name, chosen in _chosen(client, path).items() if name.startswith("role-")}
    data = shown | changes | {"csrf_token": token(client, "/desk/people")}
    return client.post(path, data=data, headers=FRENCH)


def _chosen(client: FlaskClient, path: str) -> dict[str, str]:
    """Return what each list of the page has chosen."""
    lists = re.findall(
        r'<select[^>]* name="([^"]+)".*?</select>', client.get(path, headers=FRENCH).text, re.DOTALL
    )
    page = client.get(path, headers=FRENCH).text
    found = {}
    for name in lists:
        [options] = re.findall(rf'<select[^>]* name="{name}".*?</select>', page, re.DOTALL)
        picked = re.search(r'value="([^"]*)" selected', options)
        found[name] = picked[1] if picked else ""
    return found


def _act(client: FlaskClient, path: str, move: str) -> TestResponse:
    data = {"csrf_token": token(client, "/desk/people")}
    return client.post(f"{path}/{move}", data=data, headers=FRENCH)


def _work() -> None:
    while worker.work(settings(), clock=utcnow):
        pass


def _count(of: type) -> int:
    with transaction() as db:
        return db.scalar(select(func.count()).select_from(of)) or 0


def test_a_file_is_looked_at_then_taken_then_undone(
    client: FlaskClient, slug: str, asked_for: list[Task]
) -> None:
    sent = _send(client, slug)
    assert sent.status_code == 303
    path = sent.location
    assert "Vérification en cours" in client.get(path, headers=FRENCH).text
    _work()
    page = client.get(path, headers=FRENCH).text
    assert "Vérifié, à confirmer" in page
    assert "pas une adresse électronique" in page
    assert _count(Subscriber) == 0
    assert _act(client, path, "run").status_code == 303
    _work()
    news = client.get(f"{path}/progress.json").get_json()
    assert (news["state"], news["new"], news["refused"]) == ("done", "1", "1")
    lines = client.get(f"{path}/report?format=csv-excel", headers=FRENCH, buffered=True).text.splitlines()
    assert lines[1:] == ["2;nouveau;", "3;refusé;pas une adresse électronique"]
    assert _count(ImportFile) == 0
    assert "Annuler cet import" in client.get(f"{path}/undo", headers=FRENCH).text
    _act(client, path, "undo")
    _work()
    with transaction() as db:
        assert db.scalars(select(Import.state)).one() is ImportState.UNDONE
        assert db.scalars(select(Subscription.state)).one() is SubscriptionState.ENDED
        assert [row.what for row in db.scalars(select(Audit).order_by(Audit.id))] == [
            "subscribers import",
            "subscribers undo",
        ]
    assert asked_for == [Task.IMPORTS] * 3


def test_a_file_one_thinks_better_of_is_forgotten(client: FlaskClient, slug: str) -> None:
    path = _send(client, slug).location
    _work()
    assert _act(client, path, "drop").status_code == 303
    assert _count(Import) == _count(ImportFile) == 0
    assert client.get(path).status_code == 404


def test_a_file_that_cannot_be_dealt_with_keeps_no_other_waiting(client: FlaskClient, slug: str) -> None:
    broken = _send(client, slug).location
    with transaction() as db:
        db.execute(update(ImportFile).values(body=b"email\0\xff\xfe"))
    other = _send(client, slug, BODY.replace("ann", "bea")).location
    _work()
    page = client.get(broken, headers=FRENCH).text
    assert "Échec" in page
    assert "envoyez-le de nouveau" in page
    assert "Vérifié, à confirmer" in client.get(other, headers=FRENCH).text
    _act(client, broken, "drop")
    assert client.get(broken).status_code == 404


def test_what_was_taken_before_it_failed_is_not_forgotten_but_can_be_undone(
    client: FlaskClient, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.imports.pipeline.CHUNK", 10)
    monkeypatch.setattr(worker, "STRETCH", -1.0)
    body = "email,consented_at\n" + "".join(f"p{n}@example.org,2024-05-02\n" for n in range(35))
    path = _send(client, slug, body).location
    assert worker.work(settings(), clock=utcnow)
    _act(client, path, "run")
    assert worker.work(settings(), clock=utcnow)
    with transaction() as db:
        db.execute(update(ImportFile).values(body=b"email\0\xff\xfe"))
    _work()
    _act(client, path, "drop")
    assert _count(Subscriber) == 10
    assert "Annuler cet import" in client.get(path, headers=FRENCH).text
    _act(client, path, "undo")
    _work()
    with transaction() as db:
        assert set(db.scalars(select(Subscription.state))) == {SubscriptionState.ENDED}
        assert db.scalars(select(Import.state)).one() is ImportState.UNDONE


def test_a_taking_is_done_a_stretch_at_a_time(
    client: FlaskClient, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.imports.pipeline.CHUNK", 10)
    body = "email,consented_at\n" + "".join(f"p{n}@example.org,2024-05-02\n" for n in range(35))
    path = _send(client, slug, body).location
    _work()
    _act(client, path, "run")
    monkeypatch.setattr(worker, "STRETCH", -1.0)
    done = []
    while worker.work(settings(), clock=utcnow):
        with transaction() as db:
            done.append(db.scalars(select(Import.done)).one())
    assert done == [10, 20, 30, 35, 35]
    assert _count(Subscriber) == 35


@pytest.mark.parametrize(
    ("body", "changes", "said"),
    [
        (BODY, {"newsletter": "nulle-part"}, "Choisissez la lettre"),
        (BODY, {"source": " "}, "Indiquez en une phrase"),
        (BODY, {"consented_at": "hier"}, "s’écrit 2026-01-31"),
        (BODY, {"consented_at": "0001-01-01"}, "s’écrit 2026-01-31"),
        (f"{BODY}\0", {}, "ni un fichier texte ni un tableur"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    client: FlaskClient, slug: str, body: str | bytes, changes: dict[str, str], said: str
) -> None:
    refused = _send(client, slug, body, **changes)
    assert refused.status_code == 422
    assert said in refused.text or french(said) in refused.text
    assert changes.get("source", "salon de janvier") in refused.text
    assert _count(Import) == 0


def test_ten_lines_are_shown_and_any_column_can_be_mapped_by_hand(client: FlaskClient, slug: str) -> None:
    body = "machin;truc;bidule;qui\n" + "".join(
        f"x;p{n}@example.org;Nom{n};2024-05-{n:02}\n" for n in range(1, 13)
    )
    columns = _upload(client, slug, body).location
    page = client.get(columns, headers=FRENCH).text
    assert "Encodage : UTF-8" in page.replace("\u00a0", " ")
    assert [f"p{n}@example.org" in page for n in (1, 10, 11)] == [True, True, False]
    refused = agree(client, columns)
    assert refused.status_code == 422
    assert "Aucune colonne ne contient d’adresses" in refused.text
    twice = agree(client, columns, **{"role-1": "email", "role-2": "name", "role-3": "name"})
    assert "plusieurs colonnes ont le même contenu (bidule, qui)" in twice.text
    assert _count(Subscriber) == 0
    mapped = {"role-1": "email", "role-2": "name", "role-3": "consented_at"}
    path = agree(client, columns, **mapped).location
    _work()
    assert {name: role for name, role in _chosen(client, columns).items() if role and "-" in name} == mapped
    _act(client, path, "run")
    _work()
    with transaction() as db:
        assert (
            db.scalars(select(Subscriber.name).where(Subscriber.email == "p12@example.org")).one() == "Nom12"
        )
    assert _count(Subscriber) == 12


def test_the_encoding_is_named_and_can_be_switched(client: FlaskClient, slug: str) -> None:
    body = "email;name;consented_at\nann@example.org;Zoé à Nîmes;2024-05-02\n".encode("mac_roman")
    columns = _upload(client, slug, body, encoding="Windows-1252").location
    assert "Zoé" not in client.get(columns, headers=FRENCH).text
    assert _reread(client, columns, encoding="Mac").status_code == 303
    page = client.get(columns, headers=FRENCH).text
    assert "Zoé à Nîmes" in page
    assert "Encodage : Mac" in page.replace("\u00a0", " ")
    unfit = _reread(client, columns, encoding="UTF-8")
    assert (unfit.status_code, "ne peut pas être lu en UTF-8" in unfit.text) == (422, True)
    path = agree(client, columns).location
    _work()
    _act(client, path, "run")
    _work()
    with transaction() as db:
        assert db.scalars(select(Subscriber.name)).one() == "Zoé à Nîmes"


def test_columns_can_be_changed_until_the_file_is_taken(client: FlaskClient, slug: str) -> None:
    columns = _upload(client, slug).location
    path = agree(client, columns).location
    _work()
    assert "Modifier la correspondance des colonnes" in client.get(path, headers=FRENCH).text
    again = agree(client, columns, **{"role-1": ""})
    assert again.location == path
    assert _states() == [ImportState.CHECKING]
    _work()
    _act(client, path, "run")
    assert agree(client, columns, **{"role-1": "name"}).location == path
    _work()
    with transaction() as db:
        assert db.scalars(select(Subscriber.name)).one() is None
    assert client.get(columns, headers=FRENCH).status_code == 303


def _reread(client: FlaskClient, columns: str, **choices: str) -> TestResponse:
    data = choices | {"csrf_token": token(client, "/desk/people")}
    return client.post(columns.replace("/columns", "/read"), data=data, headers=FRENCH)


def _states() -> list[ImportState]:
    with transaction() as db:
        return list(db.scalars(select(Import.state)))


def test_a_large_file_is_for_staff_alone(client: FlaskClient, slug: str, app: Flask) -> None:
    large = BODY + "x" * 200_000
    assert _send(client, slug, large).status_code in {303, 422}
    stranger = app.test_client()
    data = {"file": (io.BytesIO(large.encode()), "gens.csv"), "csrf_token": token(stranger, "/login")}
    assert stranger.post("/desk/people", data=data).status_code == 413


def test_dates_that_could_be_read_two_ways_ask_before_anything_is_kept(
    client: FlaskClient, slug: str
) -> None:
    body = "email;consented_at\nann@example.org;03/04/2024\n"
    columns = _upload(client, slug, body).location
    asked = agree(client, columns)
    assert asked.status_code == 422
    assert "03/04/2024" in asked.text
    _work()
    assert _states() == [ImportState.MAPPING]
    path = agree(client, columns, dates="month_first").location
    _work()
    _act(client, path, "run")
    _work()
    with transaction() as db:
        agreed = db.scalars(select(ConsentPayload.consented_at)).one()
    assert agreed
    assert agreed.astimezone(settings().zone).date().isoformat() == "2024-03-04"


def test_a_spreadsheet_is_taken_by_the_sheet_that_is_named(client: FlaskClient, slug: str) -> None:
    book, written = Workbook(), io.BytesIO()
    book.create_sheet("Abonnés").append(["Courriel", "Date d’inscription"])
    book["Abonnés"].append(["ann@example.org", date(2024, 12, 31)])
    book.save(written)
    columns = _upload(client, slug, written.getvalue()).location
    assert "feuille « Sheet »" in client.get(columns, headers=FRENCH).text.replace("\u00a0", " ")
    assert _reread(client, columns, sheet="Abonnés").status_code == 303
    path = agree(client, columns).location
    _work()
    _act(client, path, "run")
    _work()
    with transaction() as db:
        listed = export.subscribers(db, db.scalars(select(Newsletter.id)).one(), everybody=True)
        [row] = listed.rows
    assert row[:4] == ("ann@example.org", None, "fr", "active")
    assert isinstance(row[4], datetime)
    assert row[4].astimezone(settings().zone).isoformat() == "2024-12-31T00:00:00+01:00"


@pytest.mark.parametrize("form", ExportFormat)
def test_the_subscribers_are_handed_out_in_any_format_and_the_audit_keeps_it(
    client: FlaskClient, slug: str, form: ExportFormat
) -> None:
    path = _send(client, slug).location
    _work()
    _act(client, path, "run")
    _work()
    given = {"csrf_token": token(client, "/desk/people"), "newsletter": slug, "format": form.value}
    answer = client.post(
        "/desk/people/export", data=given | {"everybody": "yes"}, headers=FRENCH, buffered=True
    )
    assert answer.headers["Content-Disposition"] == f"attachment; filename=abonnes-{slug}.{form.ending}"
    assert answer.headers["Cache-Control"] == "no-store"
    shown = {
        ExportFormat.CSV: "ann@example.org,Ann,fr,active,2024-05-02,salon de janvier",
        ExportFormat.CSV_EXCEL: "ann@example.org;Ann;fr;active;2024-05-02;salon de janvier",
        ExportFormat.JSON: '"consented_at": "2024-05-02"',
    }
    if form is ExportFormat.XLSX:
        sheet = load_workbook(io.BytesIO(answer.data)).active
        assert sheet
        assert [cell.value for cell in sheet[2]][4] == datetime(2024, 5, 2)
    else:
        assert shown[form] in answer.text
    with transaction() as db:
        [entry] = db.scalars(select(Audit).where(Audit.what == "subscribers export"))
    assert entry.details == {"newsletter": slug, "rows": 1, "everybody": True}


def test_nobody_is_handed_out_without_a_login_or_a_newsletter(client: FlaskClient, app: Flask) -> None:
    given = {"csrf_token": token(client, "/desk/people"), "newsletter": "nulle-part"}
    assert client.post("/desk/people/export", data=given, headers=FRENCH).status_code == 404
    stranger = app.test_client()
    data = {"csrf_token": token(stranger, "/login"), "newsletter": "lettre"}
    assert stranger.post("/desk/people/export", data=data).status_code == 302
