"""Robots that follow every link of a mail, some with a browser, change nothing; then a person still can."""

import re
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import text

from mailer.core import settings as settings_module
from mailer.core import tokens
from mailer.core.db import engine, transaction, utcnow
from mailer.core.tokens import Purpose
from mailer.delivery import load_issue
from mailer.delivery.message import Recipient
from mailer.models import metadata
from mailer.notices import outbox
from mailer.subscribers import subscriptions
from mailer.subscribers.signup import Due, SignupDecision
from mailer.subscribers.subscriptions import CONFIRM_WITHIN
from tests.browser.conftest import Site
from tests.support.make import make_newsletter, make_pending
from tests.support.notices import send_due
from tests.support.sink import running_sink
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.browser


@pytest.fixture
def mails(site: Site) -> list[EmailMessage]:
    """One of each kind that the service sends."""
    settings = settings_module.settings()
    with transaction() as db:
        other = make_newsletter(db, slug="autre", name="Autre")
        left, kept = (
            make_pending(db, other, email=f"{name}@example.net", now=utcnow()) for name in ("left", "kept")
        )
        for each in (left, kept):
            subscriptions.confirm(db, each.id, now=utcnow())
        subscriptions.withdraw(db, left.id, channel="link", now=utcnow())
        outbox.goodbye(db, left.id, now=utcnow())
        outbox.welcome(db, kept.id, now=utcnow())
        outbox.welcome(db, site.reader, now=utcnow())
        outbox.send_preferences(db, kept.id, now=utcnow())
        outbox.answer_signup(db, SignupDecision(kept.id, Due.ALREADY), now=utcnow())
        for to_confirm in (site.asked, site.reader):  # the reader was imported, and gives their own word
            outbox.answer_signup(db, SignupDecision(to_confirm, Due.CONFIRMATION), now=utcnow())
        letter = load_issue.letter(db, site.sent, settings, None)
    with running_sink() as sink:
        assert send_due(settings.model_copy(update={"relay_url": sink.url})) == 7
        copy = letter.to(Recipient(1, "reader@example.org", None)).message
        parsed = message_from_bytes(copy, policy=default)
        assert isinstance(parsed, EmailMessage)
        return [*sink.mails(), parsed]


def links(mail: EmailMessage, site: Site) -> Iterator[str]:
    """Every address of ours in a mail: its header's, its text's, its HTML's."""
    parts = [str(part.get_content()) for part in mail.iter_parts()]
    for said in (str(mail["List-Unsubscribe"] or ""), *parts):
        yield from re.findall(re.escape(site.url) + r"[^\s\"'<>)]*", said)


def of(link: str) -> UUID:
    """The subscription that a link to a confirmation is about."""
    found, _ = tokens.read(Purpose.CONFIRM, link.rpartition("/")[2], max_age=CONFIRM_WITHIN)
    return UUID(found)


def state() -> dict[str, str]:
    """Every row of every table, as one fingerprint a table."""
    with engine().connect() as connection:
        return {
            table.name: connection.scalar(
                text(f"SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {table.name} t")  # noqa: S608
            )
            for table in metadata.sorted_tables
        }


def fetch(url: str, method: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=PATIENCE) as answer:  # noqa: S310
        assert answer.status == 200


def test_every_link_twice_and_a_person_after(browser: Browser, site: Site, mails: list[EmailMessage]) -> None:
    found = sorted({link for mail in mails for link in links(mail, site)})
    for page in ("/confirm/", "/back/", "/u/", "/preferences/", "/archive", "/rights"):
        assert any(page in link for link in found), page
    before = state()
    window = browser.new_page(locale="fr-FR", java_script_enabled=True)
    window.set_default_timeout(PATIENCE * 1000)
    for link in found * 2:
        for method in ("GET", "HEAD"):
            fetch(link, method)
        if not link.endswith(".ics"):
            window.goto(link, wait_until="networkidle")
    assert state() == before

    confirmations = {of(link): link for link in found if "/confirm/" in link}
    for part, button, done in (
        (confirmations[site.asked], "Oui, je confirme", "est confirmée"),
        (confirmations[site.reader], "Oui, je confirme mon consentement", "C’est enregistré"),
        ("/back/", "Oui, me réinscrire", "est confirmée"),
        ("/preferences/", "Oui, ouvrir mes préférences", "Mes préférences"),
        ("/u/", "Oui, me désinscrire", "Votre désinscription est prise en compte"),
    ):
        window.goto(next(link for link in found if part in link))
        window.get_by_role("button", name=button).click()
        expect(window.get_by_role("heading", level=1)).to_contain_text(done)
    window.close()
    assert state() != before
