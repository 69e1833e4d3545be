"""Rights links and the sessions they open, without going through a mailbox."""

from datetime import datetime

from flask import Flask
from flask.testing import FlaskClient

from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.tokens import Purpose
from mailer.privacy.cases import access_links


def a_link(email: str, *, now: datetime | None = None, locale: str = "fr") -> str:
    """The path of a fresh link to this mailbox."""
    with transaction() as db:
        link_id = access_links.send(db, email=email, locale=locale, now=now or utcnow())
    return access_links.PATH + tokens.issue(Purpose.RIGHTS, link_id.hex)


def open_session(email: str) -> str:
    """The secret of an open session of this mailbox."""
    token = a_link(email).removeprefix(access_links.PATH)
    with transaction() as db:
        secret = access_links.enter(db, token, now=utcnow())
    assert secret
    return secret


class Visitor:
    """Somebody in their session, who sends its forms."""

    def __init__(self, app: Flask, email: str, language: str = "fr") -> None:
        self.client: FlaskClient = app.test_client()
        self.secret = open_session(email)
        self.client.set_cookie("rights", self.secret, path="/rights")
        self._headers = {"Accept-Language": language}

    def get(self, page: str = "", *, number: int = 1) -> str:
        return self.client.get(
            f"/rights/yours{page}", query_string={"page": number}, headers=self._headers
        ).text

    def post(self, page: str, **form: str) -> tuple[int, str]:
        """The status, and the page it leads to."""
        answer = self.client.post(
            f"/rights/yours{page}", data={"form_token": access_links.form_token(self.secret), **form},
            headers=self._headers,
        )  # fmt: skip
        if answer.status_code == 303:
            return 303, self.client.get(answer.headers["Location"], headers=self._headers).text
        return answer.status_code, answer.text

    def download(self, page: str) -> bytes:
        answer = self.client.post(
            f"/rights/yours{page}",
            data={"form_token": access_links.form_token(self.secret)},
            headers=self._headers,
        )
        assert answer.mimetype == "application/zip", answer.status
        return bytes(answer.data)
