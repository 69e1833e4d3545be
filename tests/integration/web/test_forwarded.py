"""A stranger holds a forwarded copy of every mail: they learn nothing, and at most unsubscribe, undoably."""

import re
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailer.core import tokens
from mailer.core.db import engine, transaction, utcnow
from mailer.core.settings import settings
from mailer.core.tokens import Purpose
from mailer.delivery import audience, load_issue
from mailer.delivery.message import Recipient
from mailer.models import metadata
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox
from mailer.notices.models import NoticeKind
from mailer.privacy.cases import old_mailbox, register
from mailer.privacy.models import AddressChange, Channel, Right, RightsLink
from mailer.privacy.rights import rectification
from mailer.subscribers import subscriptions
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState
from mailer.subscribers.signup import Due, SignupDecision
from tests.support.make import make_newsletter, make_pending, make_scheduled_issue
from tests.support.notices import send_due
from tests.support.rights_links import a_link
from tests.support.sink import running_sink

ZOE, NAME = "zoe.martin@example.org", "Zoé Martin"
TELLING = re.compile(r"zo[eé]|martin|\bz[*.…•]|[*…•]+@", re.IGNORECASE)  # even masked, even a part of it
TODAY = {"Accept-Language": "fr"}


@pytest.fixture
def zoe(app: Flask) -> UUID:
    """Somebody who receives a newsletter, left another, and has not confirmed a third."""
    now = utcnow()
    with transaction() as db:
        made = [make_newsletter(db, slug=slug, name=f"Lettre {slug}") for slug in ("une", "deux", "trois")]
        one, two, three = (make_pending(db, each, email=ZOE, name=NAME, now=now) for each in made)
        for each in (one, two):
            subscriptions.confirm(db, each.id, now=now)
        subscriptions.withdraw(db, two.id, channel="link", now=now)
        outbox.welcome(db, one.id, now=now)
        outbox.goodbye(db, two.id, now=now)
        outbox.answer_signup(db, SignupDecision(three.id, Due.CONFIRMATION), now=now)
        outbox.answer_signup(db, SignupDecision(one.id, Due.ALREADY), now=now)
        outbox.send_preferences(db, one.id, now=now)
        register.open(db, right=Right.ACCESS, channel=Channel.POST, email=ZOE, locale="fr", now=now)
        for kind in (NoticeKind.RESTRICTED, NoticeKind.OBJECTED):
            outbox.post(db, kind, email=ZOE, name=NAME, locale="fr", facts={"link": "/rights"}, now=now)
        return one.subscriber_id


@pytest.fixture
def copies(zoe: UUID) -> list[str]:
    """The path of every link of ours in every mail to them, a letter included."""
    a_link(ZOE)
    with transaction() as db:
        issue = make_scheduled_issue(db, db.scalars(select(Newsletter).where(Newsletter.slug == "une")).one())
        audience.freeze(db, issue.id, now=utcnow())
    with transaction() as db:
        letter = load_issue.letter(db, issue.id, settings(), None)
        copy = message_from_bytes(letter.to(Recipient(1, ZOE, NAME)).message, policy=default)
        assert isinstance(copy, EmailMessage)
    with running_sink() as sink:
        send_due(settings().model_copy(update={"relay_url": sink.url}))
        mails = [*sink.mails(), copy]
    return sorted({link for mail in mails for link in paths(mail)})


def paths(mail: EmailMessage) -> set[str]:
    parts = [str(part.get_content()) for part in mail.iter_parts()]
    said = " ".join((str(mail["List-Unsubscribe"] or ""), *parts))
    return set(re.findall(re.escape(settings().public_url) + r"(/[^\s\"'<>)]*)", said))


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    return app.test_client()


def state() -> dict[str, str]:
    """Every row of every table, as one fingerprint a table."""
    with engine().connect() as connection:
        return {
            table.name: connection.scalar(
                text(f"SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {table.name} t")  # noqa: S608
            )
            for table in metadata.sorted_tables
        }


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links that are for an hour at most have had their time when a copy is passed on."""
    for where in ("mailer.web.public.preferences.OPEN_FOR", "mailer.privacy.cases.access_links.OPEN_FOR"):
        monkeypatch.setattr(where, timedelta(seconds=-1))


def test_opening_every_link_tells_nothing_and_changes_nothing(
    stranger: FlaskClient, copies: list[str]
) -> None:
    """However fresh the links are."""
    for expected in ("/confirm/", "/back/", "/u/", "/preferences/", "/rights/", "/rights", "/une/archive"):
        assert any(link.startswith(expected) for link in copies), expected
    before = state()
    for link in copies:
        for method in ("GET", "HEAD", "GET"):
            answer = stranger.open(link, method=method, headers=TODAY)
            assert not TELLING.search(answer.text.replace(link, "")), link  # a token spells what it likes
            assert "Set-Cookie" not in answer.headers
    assert state() == before


def test_pressing_every_button_of_a_letter_unsubscribes_and_the_person_undoes_it(
    stranger: FlaskClient, copies: list[str], zoe: UUID, later: None
) -> None:
    asked = ("/confirm/", "/back/")  # a yes to what was asked of the mailbox: not in a letter
    for link in (link for link in copies if not link.startswith(asked)):
        answer = stranger.post(link, headers=TODAY)
        assert not TELLING.search(answer.text.replace(link, "")), link  # a token spells what it likes
        assert answer.status_code in (200, 308, 404, 405, 410, 422), link
    with transaction() as db:
        assert _active(db) == 0
        subscriber = db.get_one(Subscriber, zoe)
        assert (subscriber.email, subscriber.name, subscriber.restricted_at) == (ZOE, NAME, None)
        assert db.scalars(select(RightsLink.used_at)).all() == [None]
        left = db.scalars(
            select(Subscription.id).join(Newsletter, Newsletter.id == Subscription.newsletter_id)
            .where(Newsletter.slug == "une")
        ).one()  # fmt: skip
    back = "/back/" + tokens.issue(Purpose.UNDO, [left.hex, "une"])
    assert "est confirmée" in stranger.post(back, headers=TODAY).text
    with transaction() as db:
        assert _active(db) == 1


def test_the_links_of_a_change_of_address_name_nobody(stranger: FlaskClient, zoe: UUID) -> None:
    a_link(ZOE)
    with transaction() as db:
        link = db.scalars(select(RightsLink)).one()
        rectification.ask(db, link, db.get_one(Subscriber, zoe), "zoe.martin@example.net", now=utcnow())
        change = db.scalars(select(AddressChange.id)).one()
    new = rectification.NEW_PATH + tokens.issue(Purpose.NEW_ADDRESS, change.hex)
    old = old_mailbox.PATH + tokens.issue(Purpose.OLD_ADDRESS, change.hex)
    for path in (new, old):
        assert not TELLING.search(stranger.get(path, headers=TODAY).text)
    assert not TELLING.search(stranger.post(new, headers=TODAY).text)
    assert not TELLING.search(stranger.get(old, headers=TODAY).text)


def test_no_mail_prints_the_address_in_its_body(zoe: UUID) -> None:
    a_link(ZOE)
    with running_sink() as sink:
        send_due(settings().model_copy(update={"relay_url": sink.url}))
        for mail in sink.mails():
            for part in mail.iter_parts():
                assert ZOE not in str(part.get_content()), mail["Subject"]


def _active(db: Session) -> int:
    chosen = select(Subscription.id).where(Subscription.state == SubscriptionState.ACTIVE)
    return len(db.scalars(chosen).all())
