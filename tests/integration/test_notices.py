"""Single mails, from the outbox to a real SMTP server."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from mailer.db import transaction, utcnow
from mailer.issues.typography import french
from mailer.people import consent
from mailer.people.models import Subscription, SubscriptionState
from mailer.sending import notices
from mailer.sending.models import Notice
from mailer.sending.relay import RelayDown
from mailer.sending.rules import DeliveryState
from mailer.settings import Settings
from mailer.tokens import Purpose, read
from tests.make import make_newsletter, sign_up
from tests.sink import Sink, running_sink

ZOE = "zoe@example.org"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture
def through(settings: Settings, sink: Sink) -> Settings:
    """The settings, with the sink as relay."""
    return settings.model_copy(update={"relay_url": sink.url})


@pytest.fixture
def asked(clean: None) -> UUID:
    """Zoé's subscription, to be confirmed; the notice is in the outbox."""
    with transaction() as db:
        decided = sign_up(db, make_newsletter(db), ZOE, name="Zoé", now=utcnow())
        assert decided
        notices.answer_signup(db, decided, now=utcnow())
        return decided.subscription_id


def _state() -> DeliveryState:
    with transaction() as db:
        return db.scalars(select(Notice.state).order_by(Notice.created_at.desc()).limit(1)).one()


def test_a_confirmation_arrives_once(asked: UUID, sink: Sink, through: Settings) -> None:
    assert notices.send_due(through) == 1
    assert notices.send_due(through) == 0
    [mail] = sink.mails()
    assert mail["To"] == ZOE  # a name is a stranger's text until its owner has confirmed
    assert mail["Subject"] == french("Confirmez votre inscription à « La lettre »")
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = (part.get_content() for part in mail.iter_parts())
    link = next(line for line in text.splitlines() if "/confirm/" in line)
    assert read(Purpose.CONFIRM, link.rpartition("/")[2], max_age=timedelta(minutes=1)) == [
        asked.hex,
        "lettre",
    ]
    assert f'href="{link}"' in html
    assert "Bonjour," in text
    assert "Bonjour," in html
    assert "\ue000" not in html + text
    assert _state() is DeliveryState.ACCEPTED


def test_welcome_then_goodbye_whose_link_undoes(asked: UUID, sink: Sink, through: Settings) -> None:
    with transaction() as db:
        consent.confirm(db, asked, now=utcnow())
        notices.welcome(db, asked, now=utcnow())
    assert notices.send_due(through) == 1  # the confirmation has no reason left
    with transaction() as db:
        consent.withdraw(db, asked, channel="link", now=utcnow())
        notices.goodbye(db, asked, now=utcnow())
    assert notices.send_due(through) == 1
    welcome, goodbye = sink.mails()
    assert welcome["Subject"].startswith("Votre inscription à")
    body = goodbye.get_body(("plain",))
    assert body
    token = next(line for line in body.get_content().splitlines() if "/back/" in line).rpartition("/")[2]
    assert read(Purpose.UNDO, token, max_age=timedelta(minutes=1)) == [asked.hex, "lettre"]
    with transaction() as db:
        wording = consent.current_wording("La lettre", "L’association", "fr")
        consent.renew(db, asked, wording=wording, now=utcnow())
        assert db.get_one(Subscription, asked).state is SubscriptionState.ACTIVE


def test_a_relay_that_is_down_charges_nobody(asked: UUID, settings: Settings) -> None:
    with pytest.raises(RelayDown):
        notices.send_due(settings)
    with transaction() as db:
        assert db.scalars(select(Notice.attempts)).one() == 0


def test_later_and_never(asked: UUID, sink: Sink, through: Settings) -> None:
    sink.refusals[ZOE] = "450 4.2.1 Mailbox busy"
    assert notices.send_due(through) == 1
    assert _state() is DeliveryState.DEFERRED
    assert notices.send_due(through) == 0
    sink.refusals[ZOE] = f"550 5.1.1 <{ZOE}> unknown"
    with transaction() as db:
        db.execute(update(Notice).values(due_at=utcnow()))
    assert notices.send_due(through) == 1
    assert _state() is DeliveryState.REFUSED
    with transaction() as db:
        assert ZOE not in (db.scalars(select(Notice.reply)).one() or "")
