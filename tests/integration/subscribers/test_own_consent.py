"""Who was imported and signs up gives their own word, and receives their letters meanwhile."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.core.tokens import Purpose
from mailer.delivery import audience
from mailer.delivery.models import Delivery
from mailer.imports import introductions, lifecycle
from mailer.imports.models import Import
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox
from mailer.notices.models import Notice
from mailer.privacy.retention import reconfirmation
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import signup, subscriptions, suppressions
from mailer.subscribers.consent import consent_file, wordings
from mailer.subscribers.consent.consent_file import NewsletterRecord
from mailer.subscribers.consent.models import ConsentKind
from mailer.subscribers.eligibility import Why
from mailer.subscribers.models import (
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from mailer.subscribers.signup import Due
from mailer.subscribers.subscriptions import Confirmation
from mailer.subscribers.suppressions import SuppressedAddress
from tests.integration.imports.test_imports import Intake
from tests.integration.web.test_public import FRENCH, link
from tests.support.make import make_newsletter, make_scheduled_issue, sign_up
from tests.support.notices import send_due
from tests.support.sink import Sink, running_sink

NOW = utcnow()
DAY = timedelta(days=1)
ZOE = "zoe@example.org"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture
def through(settings: Settings, sink: Sink) -> Settings:
    return settings.model_copy(update={"relay_url": sink.url})


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client(use_cookies=False)


@pytest.fixture
def lettre(clean: None, settings: Settings, tmp_path: Path) -> Intake:
    """A newsletter that Zoé receives by an import of yesterday, on a consent of 2024."""
    with transaction() as db:
        take = Intake(settings, make_newsletter(db).id, tmp_path)
    assert take.run(f"email,consented_at\n{ZOE},2024-05-02\n")[0].new == 1
    return take


def sign(now: datetime = NOW) -> Due:
    """Zoé fills in the form, and a worker decides."""
    with transaction() as db:
        decided = sign_up(db, db.scalars(select(Newsletter)).one(), ZOE, now=now)
        assert decided
        outbox.answer_signup(db, decided, now=now)
        return decided.due


def zoe(db: Session) -> Subscription:
    return db.scalars(select(Subscription)).one()


def confirm(now: datetime = NOW) -> Confirmation:
    with transaction() as db:
        wording = wordings.current_wording("La lettre", "L’association", "fr")
        return subscriptions.confirm(db, zoe(db).id, wording=wording, now=now)


def state() -> SubscriptionState:
    with transaction() as db:
        return zoe(db).state


def told() -> NewsletterRecord:
    """What Zoé's file says."""
    with transaction() as db:
        [letter] = consent_file.draw(db, ZOE, {}, now=NOW).letters
        return letter


def undo() -> int:
    """Staff take the import back."""
    with transaction() as db:
        job = db.scalars(select(Import.id)).one()
    return lifecycle.undo(job, clock=lambda: NOW)


def bar(reason: SuppressionReason, at: datetime = NOW) -> None:
    with transaction() as db:
        suppressions.add(db, [SuppressedAddress(fingerprint_of(ZOE), reason, at)])


def barred() -> bool:
    with transaction() as db:
        return db.get(Suppression, fingerprint_of(ZOE)) is not None


def link_in(mail: EmailMessage) -> str:
    """Its path to the page that asks."""
    body = mail.get_body(("plain",))
    assert body
    [line] = [line for line in body.get_content().splitlines() if "/confirm/" in line]
    return str(line).removeprefix("http://letters.example.org")


def test_from_the_form_to_their_own_word(
    lettre: Intake, client: FlaskClient, sink: Sink, through: Settings
) -> None:
    assert sign() is Due.CONFIRMATION
    assert (state(), told().standing.why) == (SubscriptionState.ACTIVE, Why.IMPORTED)
    send_due(through)
    [mail] = sink.mails()
    body = mail.get_body(("plain",))
    assert body
    assert "Vous recevez déjà cette lettre" in " ".join(body.get_content().split())
    page = link_in(mail)
    for method in ("GET", "HEAD", "GET"):
        answer = client.open(page, method=method, headers=FRENCH)
    assert "Voulez-vous le confirmer" in answer.text
    assert "J’accepte de recevoir" in answer.text
    assert told().standing.why is Why.IMPORTED
    assert "C’est enregistré" in client.post(page, headers=FRENCH).text
    letter = told()
    assert (letter.standing.why, letter.standing.may_write) == (Why.CONFIRMED, True)
    kinds = [ConsentKind.IMPORTED, ConsentKind.REQUESTED, ConsentKind.CONFIRMED]
    assert [entry.kind for entry in letter.entries] == kinds
    assert letter.entries[1].wording
    assert letter.entries[2].wording
    for again in (client.get, client.post):
        assert "déjà active" in again(page, headers=FRENCH).text
    assert len(told().entries) == 3


def test_their_own_word_outweighs_the_import(lettre: Intake) -> None:
    sign()
    assert confirm() is Confirmation.REAFFIRMED
    assert confirm() is Confirmation.ALREADY
    assert undo() == 0
    older = f"email,status,opted_out_at\n{ZOE},unsubscribed,2026-11-22\n"
    assert lettre.run(older)[1] == [(2, "outdated")]
    assert state() is SubscriptionState.ACTIVE
    assert sign(NOW + DAY) is Due.ALREADY


def test_without_it_the_import_is_all_there_is(lettre: Intake) -> None:
    sign()
    assert undo() == 1
    assert (state(), told().standing.why) == (SubscriptionState.ENDED, Why.ENDED)


def test_letters_go_on_meanwhile(lettre: Intake, through: Settings) -> None:
    with transaction() as db:
        introductions.introduce(db, now=NOW)
    send_due(through)
    sign()
    with transaction() as db:
        newsletter = db.scalars(select(Newsletter)).one()
        issue = make_scheduled_issue(db, newsletter)
        frozen = audience.freeze(db, issue.id, now=NOW)
        assert frozen
        assert frozen.audience == 1
        assert db.scalars(select(Delivery.state)).all() == [DeliveryState.PENDING]


def test_not_confirming_changes_nothing(lettre: Intake) -> None:
    with transaction() as db:
        before = [getattr(zoe(db), name) for name in ("state", "consent_id", "changed_at", "informed_at")]
    sign()
    with transaction() as db:
        assert signup.purge(db, now=NOW + 30 * DAY) == 0
        assert [
            getattr(zoe(db), name) for name in ("state", "consent_id", "changed_at", "informed_at")
        ] == before
        assert db.scalars(select(Subscriber.name)).one() is None
    assert told().standing.why is Why.IMPORTED


def test_a_request_that_may_be_anybody_s_prolongs_nothing(lettre: Intake) -> None:
    """Three years run from their consent of 2024, whoever fills in a form."""
    sign()
    with transaction() as db:
        assert reconfirmation.to_ask(db, datetime(2027, 4, 3, tzinfo=UTC)) == 1
        assert reconfirmation.to_ask(db, datetime(2027, 4, 1, tzinfo=UTC)) == 0


def test_whoever_gave_their_own_word_needs_no_introduction(lettre: Intake) -> None:
    sign()
    confirm()
    with transaction() as db:
        assert zoe(db).informed_at
        assert introductions.introduce(db, now=NOW) == 0


def test_a_mail_that_is_late_is_not_sent_for_nothing(lettre: Intake, sink: Sink, through: Settings) -> None:
    sign()
    confirm()
    assert send_due(through) == 0
    with transaction() as db:
        assert db.scalars(select(Notice.state)).one() is DeliveryState.WITHHELD


def test_a_barred_reader_stays_one_and_must_confirm_anew(
    lettre: Intake, sink: Sink, through: Settings
) -> None:
    sign()
    confirm()
    bar(SuppressionReason.HARD_BOUNCE)
    assert sign(NOW + DAY) is Due.CONFIRMATION
    with transaction() as db:
        assert signup.purge(db, now=NOW + 30 * DAY) == 0
    assert (state(), told().standing.why) == (SubscriptionState.ACTIVE, Why.SUPPRESSED)
    send_due(through)
    assert "Confirmez-vous cette demande" in sink.mails()[-1].as_string()
    assert confirm(NOW + DAY) is Confirmation.CONFIRMED
    assert (barred(), told().standing.why) == (False, Why.CONFIRMED)


def test_a_link_outlives_the_undoing_of_an_import(lettre: Intake, client: FlaskClient) -> None:
    """Who asked for themselves was not asked whether the import was right."""
    sign()
    undo()
    with transaction() as db:
        page = f"/confirm/{link(Purpose.CONFIRM, zoe(db).id)}"
    assert "Voulez-vous recevoir" in client.get(page, headers=FRENCH).text
    assert "est confirmée" in client.post(page, headers=FRENCH).text
    assert (state(), told().standing.why) == (SubscriptionState.ACTIVE, Why.CONFIRMED)


def test_a_link_does_not_outlive_their_own_no(lettre: Intake) -> None:
    sign()
    with transaction() as db:
        subscriptions.withdraw(db, zoe(db).id, channel="link", now=NOW)
    assert confirm() is Confirmation.GONE


@pytest.mark.parametrize(
    ("left", "outcome"), [("2026-11-22", Confirmation.CONFIRMED), ("2027-01-01", Confirmation.GONE)]
)
def test_a_no_said_elsewhere_counts_against_an_older_request_alone(
    lettre: Intake, left: str, outcome: Confirmation
) -> None:
    sign()
    lettre.run(f"email,status,opted_out_at\n{ZOE},unsubscribed,{left}\n")
    assert state() is SubscriptionState.ENDED
    assert confirm() is outcome
