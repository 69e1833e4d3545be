"""The desk as somebody's browser has it: a login, and forms with their token."""

import re
from uuid import UUID

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.desk_rows import EMAIL, PASSWORD

FRENCH = {"Accept-Language": "fr"}


def token(client: FlaskClient, path: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path, headers=FRENCH).text)
    assert found, path
    return found[1]


def log_in(
    client: FlaskClient, password: str = PASSWORD, asked: str = "", email: str = EMAIL
) -> TestResponse:
    data = {"email": email, "password": password, "csrf_token": token(client, "/login")}
    return client.post("/login", query_string={"next": asked} if asked else {}, data=data, headers=FRENCH)


def act(client: FlaskClient, issue_id: UUID, move: str, **data: str | list[str]) -> TestResponse:
    data["csrf_token"] = token(client, "/desk/")
    return client.post(f"/desk/issues/{issue_id}/{move}", data=data, headers=FRENCH)


def asked(page: str) -> list[str]:
    """The keys of the warnings that a page has to be acknowledged one by one."""
    return re.findall(r'name="acknowledged" type="checkbox" value="(\w+)"', page)


def approve(client: FlaskClient, issue_id: UUID, move: str, **data: str) -> TestResponse:
    """Schedule or send an issue, and acknowledge what is asked about on the way."""
    first = act(client, issue_id, move, **data)
    if first.status_code != 422 or not asked(first.text):
        return first
    return act(client, issue_id, move, **data, acknowledged=asked(first.text))
