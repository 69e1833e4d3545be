"""The local mailbox: real SMTP in, pages out."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from flask.testing import FlaskClient

from mailer.core.embedded import free_port
from mailer.core.settings import Settings
from mailer.demo.mail_store import MailStore
from mailer.demo.mailbox import StoreHandler
from mailer.demo.mailbox_pages import create_app

FRENCH = {"Accept-Language": "fr"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MailStore]:
    """A mailbox that has received one message."""
    store, port = MailStore(tmp_path), free_port()
    controller = Controller(StoreHandler(store), hostname="127.0.0.1", port=port)
    controller.start()
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "Zoé <zoe@example.org>", "Un été"
    message.set_content("Bonjour Zoé")
    message.add_alternative(
        "<html><head></head><body><p>Bonjour <b>Zoé</b></p></body></html>", subtype="html"
    )
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(message, "bounce@example.org", ["zoe@example.org"])
    yield store
    controller.stop()


@pytest.fixture
def client(store: MailStore, settings: Settings) -> FlaskClient:
    return create_app(store).test_client()


def test_what_arrives_is_kept_as_it_came(store: MailStore) -> None:
    [entry] = store.entries()
    assert (entry.number, entry.sender, entry.recipient) == (1, "bounce@example.org", "zoe@example.org")
    assert entry.subject == "Un été"
    assert MailStore(store.folder).entries() == [entry]
    assert store.entries("ZOE") == [entry]
    assert store.entries("nobody") == []


def test_it_can_be_read(client: FlaskClient) -> None:
    assert "zoe@example.org" in client.get("/", headers=FRENCH).text
    page = client.get("/1", headers=FRENCH).text
    assert "sandbox=" in page
    assert "Bonjour Zoé" in client.get("/1?part=text").text
    assert "Subject:" in client.get("/1?part=headers").text
    assert "text/html" in client.get("/1?part=source").text
    assert client.get("/2").status_code == 404
    assert client.get("/count").json == 1


def test_a_mail_runs_nothing_and_calls_nobody(client: FlaskClient) -> None:
    policy = client.get("/1/html").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "img-src" not in client.get("/1/html?images=off").headers["Content-Security-Policy"]
    assert '<base target="_blank">' in client.get("/1/html").text
