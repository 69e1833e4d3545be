"""What is no text is refused, wherever it is sent, and guessed at nowhere."""

import io
from urllib.parse import unquote_to_bytes

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mailer.core.db import transaction
from mailer.privacy.models import RightsIntake
from mailer.subscribers.models import PreferencesRequest, SignupRequest
from tests.support.desk_client import FRENCH, log_in, token
from tests.support.desk_rows import make_staff
from tests.support.make import make_newsletter

URLENCODED = "application/x-www-form-urlencoded"
BAD = ("%00", "%E9", "%FF%FE", "%ED%A0%80", "a%00b", "%C3")
PLACES = ("/", "/lettre/", "/rights", "/preferences", "/login")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    with transaction() as db:
        make_newsletter(db)
    return app.test_client()


@pytest.mark.parametrize("bad", BAD)
def test_no_address_of_a_page_breaks_it(client: FlaskClient, bad: str) -> None:
    """Each is looked for in the database, had it passed."""
    raw = unquote_to_bytes(bad).decode("latin-1")  # as a server passes it on (PEP 3333)
    for path in (f"/{raw}/", f"/lettre/{raw}", f"/u/{raw}", f"/rights/{raw}", f"/confirm/{raw}", f"/a{raw}"):
        answer = client.get("/", environ_overrides={"PATH_INFO": path}, headers=FRENCH)
        assert answer.status_code == 400, path
    for query in (f"q={bad}", f"lang={bad}", f"{bad}=1"):
        assert client.get(f"/lettre/archive?{query}", headers=FRENCH).status_code == 400, query


@pytest.mark.parametrize("bad", BAD)
def test_no_form_takes_it(client: FlaskClient, bad: str) -> None:
    for path in PLACES[1:]:
        for body in (f"email={bad}@x.fr", f"email=zoe@example.org&name={bad}", f"{bad}=x"):
            assert client.post(path, data=body, content_type=URLENCODED).status_code == 400, (path, body)
    raw = b"email=\xe9\xe8\xea@x.fr&consent=yes"
    assert client.post("/rights", data=raw, content_type=URLENCODED).status_code == 400
    with transaction() as db:
        for table in (SignupRequest, PreferencesRequest, RightsIntake):
            assert db.scalar(select(func.count()).select_from(table)) == 0


def test_what_is_text_passes(client: FlaskClient) -> None:
    assert client.get("/lettre/archive?q=é%C3%A9+%26", headers=FRENCH).status_code == 200
    assert client.post("/rights", data={"email": "zoé@example.org"}).status_code == 303
    assert (
        client.post("/rights", data="email=a%2Bb%40example.org", content_type=URLENCODED).status_code == 303
    )


@pytest.mark.parametrize("field", ["source", "legal_text", "file"])
def test_nor_does_a_form_with_a_file(client: FlaskClient, field: str) -> None:
    with transaction() as db:
        make_staff(db)
    assert log_in(client).status_code == 303
    data: dict[str, object] = {
        "newsletter": "lettre",
        "source": "salon",
        "csrf_token": token(client, "/desk/"),
    }
    bad = {"file": (io.BytesIO(b"email\na@example.org\n"), "a\0.csv")} if field == "file" else {field: "a\0b"}
    file = {"file": (io.BytesIO(b"email,consented_at\na@example.org,2024-01-01\n"), "a.csv")}
    answer = client.post("/desk/people", data=data | file | bad, content_type="multipart/form-data")
    assert answer.status_code in ((400, 422) if field == "file" else (400,))


def test_the_privacy_page_tells_of_the_cookies_there_are(client: FlaskClient) -> None:
    said = client.get("/privacy", headers=FRENCH).text
    assert "aucun cookie." not in said
    assert "Vos droits" in said.partition("Aucun cookie n’est déposé")[2][:400]
