"""Single mails, from the outbox to a real SMTP server."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import dkim
import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from mailer.core.after_commit import Task
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.core.tokens import Purpose, read
from mailer.newsletters.models import Theme
from mailer.notices import outbox, preview
from mailer.notices.models import Notice, NoticeKind
from mailer.notices.templates import kinds
from mailer.rendering.typography import french
from mailer.smtp.dkim import DkimKeyMissing, Signer, new_key
from mailer.smtp.relay import RelayDown
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import signup, subscriptions, suppressions
from mailer.subscribers.consent import wordings
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState, SuppressionReason
from mailer.subscribers.signup import Due, SignupDecision
from mailer.subscribers.suppressions import SuppressedAddress
from tests.support.make import make_newsletter, sign_up
from tests.support.notices import send_due
from tests.support.sink import Sink, running_sink

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
        outbox.answer_signup(db, decided, now=utcnow())
        return decided.subscription_id


def already(db: Session, subscription_id: UUID, *, now: datetime) -> None:
    outbox.answer_signup(db, SignupDecision(subscription_id, Due.ALREADY), now=now)


def _state() -> DeliveryState:
    with transaction() as db:
        return db.scalars(select(Notice.state).order_by(Notice.created_at.desc()).limit(1)).one()


def test_a_confirmation_arrives_once(asked: UUID, sink: Sink, through: Settings) -> None:
    assert send_due(through) == 1
    assert send_due(through) == 0
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


def test_a_link_that_left_late_is_good_for_seven_days_all_the_same(
    asked: UUID, sink: Sink, through: Settings
) -> None:
    with transaction() as db:
        db.execute(update(Subscription).values(changed_at=utcnow() - timedelta(days=2)))
    send_due(through)
    with transaction() as db:
        assert signup.purge(db, now=utcnow() + timedelta(days=6)) == 0
        assert signup.purge(db, now=utcnow() + timedelta(days=8)) == 1


@pytest.mark.parametrize("write", [outbox.welcome, outbox.goodbye, outbox.send_preferences, None])
def test_whatever_is_written_is_sent_at_once(
    asked: UUID, asked_for: list[Task], write: Callable[..., None] | None
) -> None:
    asked_for.clear()
    with transaction() as db:
        if write:
            write(db, asked, now=utcnow())
        else:
            outbox.post(db, NoticeKind.NOTHING_HELD, email="zoe@example.org", locale="fr", now=utcnow())
    assert asked_for == [Task.NOTICES]


@pytest.mark.parametrize("answer", [outbox.welcome, already])
def test_nobody_barred_or_frozen_meanwhile_is_written_to(
    asked: UUID, sink: Sink, through: Settings, answer: Callable[..., None]
) -> None:
    with transaction() as db:
        subscriptions.confirm(db, asked, now=utcnow())
        answer(db, asked, now=utcnow())
        db.execute(update(Subscriber).values(restricted_at=utcnow()))
    assert send_due(through) == 0
    with transaction() as db:
        db.execute(update(Subscriber).values(restricted_at=None))
        answer(db, asked, now=utcnow())
        suppressions.add(db, [SuppressedAddress(fingerprint_of(ZOE), SuppressionReason.COMPLAINT, utcnow())])
    assert send_due(through) == 0


def test_welcome_then_goodbye_whose_link_undoes(asked: UUID, sink: Sink, through: Settings) -> None:
    with transaction() as db:
        subscriptions.confirm(db, asked, now=utcnow())
        outbox.welcome(db, asked, now=utcnow())
    assert send_due(through) == 1  # the confirmation has no reason left
    with transaction() as db:
        subscriptions.withdraw(db, asked, channel="link", now=utcnow())
        outbox.goodbye(db, asked, now=utcnow())
    assert send_due(through) == 1
    welcome, goodbye = sink.mails()
    assert welcome["Subject"].startswith("Votre inscription à")
    body = goodbye.get_body(("plain",))
    assert body
    token = next(line for line in body.get_content().splitlines() if "/back/" in line).rpartition("/")[2]
    assert read(Purpose.UNDO, token, max_age=timedelta(minutes=1)) == [asked.hex, "lettre"]
    with transaction() as db:
        wording = wordings.current_wording("La lettre", "L’association", "fr")
        subscriptions.renew(db, asked, wording=wording, now=utcnow())
        assert db.get_one(Subscription, asked).state is SubscriptionState.ACTIVE


def test_a_relay_that_is_down_charges_nobody(asked: UUID, settings: Settings) -> None:
    with pytest.raises(RelayDown):
        send_due(settings)
    with transaction() as db:
        assert db.scalars(select(Notice.attempts)).one() == 0


def test_later_and_never(asked: UUID, sink: Sink, through: Settings) -> None:
    sink.refusals[ZOE] = "450 4.2.1 Mailbox busy"
    assert send_due(through) == 1
    assert _state() is DeliveryState.DEFERRED
    assert send_due(through) == 0
    sink.refusals[ZOE] = f"550 5.1.1 <{ZOE}> unknown"
    with transaction() as db:
        db.execute(update(Notice).values(due_at=utcnow()))
    assert send_due(through) == 1
    assert _state() is DeliveryState.REFUSED
    with transaction() as db:
        assert ZOE not in (db.scalars(select(Notice.reply)).one() or "")


def test_an_answer_to_a_mail_has_no_return_path(asked: UUID, sink: Sink, through: Settings) -> None:
    with transaction() as db:
        subscriptions.confirm(db, asked, now=utcnow())
        subscriptions.withdraw(db, asked, channel="email", now=utcnow())
        outbox.goodbye(db, asked, now=utcnow(), answers="<leave-me@example.org>")
    assert send_due(through) == 1
    [envelope], [mail] = sink.envelopes, sink.mails()
    assert envelope.mail_from == "<>"  # RFC 3834, 3.3: nothing may answer an answer
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["In-Reply-To"] == mail["References"] == "<leave-me@example.org>"


@pytest.mark.parametrize("theme", Theme)
def test_every_notice_can_be_read_over(settings: Settings, theme: Theme) -> None:
    found = dict(preview.samples(settings, theme, now=utcnow()))
    assert set(found) == {f"{kind}-{locale}" for kind in kinds("fr") for locale in ("fr", "en")}
    assert kinds("fr") == kinds("en")
    for name, mail in found.items():
        text, html = (part.get_content() for part in mail.iter_parts())
        assert "\ue000" not in text + html, name
        assert f'lang="{name[-2:]}"' in html
        assert set(re.findall(r"http://letters\.example\.org/\S+", text)) == {
            address for address in re.findall(r'href="([^"]+)"', html) if address.startswith("http")
        }, name
        assert mail["Auto-Submitted"] == "auto-generated"
    assert "sign-ups at the November fair" in found["imported-en"].as_string()


def test_two_links_of_one_name_lead_to_one_place(settings: Settings) -> None:
    for name, message in preview.samples(settings, Theme.NEUTRAL, now=utcnow()):
        body = message.get_body(("html",))
        assert body
        places: dict[str, set[str]] = {}
        for address, inside in re.findall(r'(?s)<a\b[^>]*href="([^"]*)"[^>]*>(.*?)</a>', body.get_content()):
            places.setdefault(" ".join(re.sub(r"<[^>]+>", " ", inside).split()), set()).add(address)
        assert {label: found for label, found in places.items() if len(found) > 1} == {}, name


def test_nothing_follows_a_preheader_in_the_line_of_a_mailbox(settings: Settings) -> None:
    for name, message in preview.samples(settings, Theme.NEUTRAL, now=utcnow()):
        body = message.get_body(("html",))
        assert body
        shown = re.search(r'<div style="display:none[^>]*>(.*?)</div>', body.get_content())
        assert shown, name
        assert shown[1].endswith("&#847;&#8204;&#160;" * 90), name


def test_no_line_of_a_text_part_is_long_whatever_filled_its_holes(settings: Settings) -> None:
    for name, message in preview.samples(settings, Theme.NEUTRAL, now=utcnow()):
        text = message.get_body(("plain",))
        assert text is not None
        long = [line for line in text.get_content().splitlines() if len(line) > 72 and " " in line]
        assert not long, name


def test_a_bare_address_is_written_to_by_the_controller(clean: None, sink: Sink, through: Settings) -> None:
    """Nobody's subscriber, and all the same an answer is owed to them."""
    with transaction() as db:
        outbox.post(
            db, NoticeKind.RIGHTS, email=ZOE, locale="en", now=utcnow(),
            facts={"link": "/rights/", "purpose": Purpose.RIGHTS, "of": "0123"},
        )  # fmt: skip
    assert send_due(through) == 1
    [mail] = sink.mails()
    assert mail["From"] == f"{through.controller_name} <{through.rights_email}>"
    text = next(mail.iter_parts()).get_content()
    [token] = re.findall(rf"{through.public_url}/rights/(\S+)", text)
    assert read(Purpose.RIGHTS, token, max_age=timedelta(minutes=30)) == "0123"


def test_where_letters_are_signed_notices_are_too(
    asked: UUID, sink: Sink, through: Settings, tmp_path: Path
) -> None:
    """A confirmation that DMARC sends to the junk confirms nothing."""
    file = tmp_path / "key.pem"
    signing = through.model_copy(update={"dkim_key_file": file, "dkim_selector": "letters"})
    with pytest.raises(DkimKeyMissing):
        send_due(signing)
    file.write_bytes(new_key())
    assert send_due(signing) == 1
    [envelope] = sink.envelopes
    record = Signer("letters", file.read_bytes()).record.encode()
    assert dkim.verify(envelope.content, dnsfunc=lambda *_, **__: record)


def test_a_welcome_is_left_in_one_click(asked: UUID, sink: Sink, through: Settings, app: Flask) -> None:
    with transaction() as db:
        subscriptions.confirm(db, asked, now=utcnow())
        db.execute(delete(Notice))
        outbox.welcome(db, asked, now=utcnow())
    assert send_due(through) == 1
    raw = sink.envelopes[0].content
    assert isinstance(raw, bytes)
    [header] = re.findall(rb"^List-Unsubscribe: <(http://letters\.example\.org/u/\S+)>\r$", raw, re.M)
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw  # RFC 8058
    path = header.decode().removeprefix("http://letters.example.org")
    assert app.test_client().post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    with transaction() as db:
        assert db.get_one(Subscription, asked).state is SubscriptionState.ENDED


def test_a_newsletter_s_own_colours_are_in_its_notices(clean: None, sink: Sink, through: Settings) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db, accent="#7c2d92", ground="#eeeeff")
        decided = sign_up(db, newsletter, ZOE, now=utcnow())
        assert decided
        outbox.answer_signup(db, decided, now=utcnow())
    send_due(through)
    [mail] = sink.mails()
    html = next(part.get_content() for part in mail.iter_parts() if part.get_content_subtype() == "html")
    assert "#7c2d92" in html
    assert "#eeeeff" in html
