"""Who was imported is told first: who writes, and where the address comes from (RGPD 14)."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.imports import introductions
from mailer.subscribers import subscriptions, suppressions
from mailer.subscribers.models import Subscriber, Subscription, SuppressionReason
from mailer.subscribers.suppressions import SuppressedAddress
from tests.support.make import EPOCH, import_people, make_newsletter, make_pending
from tests.support.notices import send_due
from tests.support.sink import Sink, running_sink

pytestmark = pytest.mark.usefixtures("clean")
PEOPLE = ["ann@example.org", "bob@example.org", "cat@example.org"]


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture
def through(settings: Settings, sink: Sink) -> Settings:
    return settings.model_copy(update={"relay_url": sink.url})


def _informed() -> list[bool]:
    with transaction() as db:
        return sorted(at is not None for at in db.scalars(select(Subscription.informed_at)))


def _introduce() -> int:
    with transaction() as db:
        return introductions.introduce(db, now=utcnow())


def test_the_first_mail_states_the_source_and_its_arrival_is_kept(sink: Sink, through: Settings) -> None:
    with transaction() as db:
        import_people(db, make_newsletter(db), PEOPLE[:1], now=EPOCH)
    assert _informed() == [False]
    assert _introduce() == 1
    assert _introduce() == 0
    assert send_due(through) == 1
    [mail] = sink.mails()
    text = next(mail.iter_parts()).get_content()
    assert "Source" in text
    assert "test" in text
    assert _informed() == [True]
    assert _introduce() == 0


def test_a_rest_puts_off_letters_and_not_the_introduction(sink: Sink, through: Settings) -> None:
    with transaction() as db:
        import_people(db, make_newsletter(db), PEOPLE[:1], now=EPOCH)
        db.execute(update(Subscriber).values(paused_until=utcnow() + timedelta(days=300)))
    assert (_introduce(), send_due(through)) == (1, 1)
    assert _informed() == [True]


def test_whoever_confirmed_themselves_knows(sink: Sink) -> None:
    with transaction() as db:
        pending = make_pending(db, make_newsletter(db), now=EPOCH)
        subscriptions.confirm(db, pending.id, now=EPOCH)
    assert _informed() == [True]
    assert _introduce() == 0


def test_whoever_is_barred_meanwhile_gets_nothing(sink: Sink, through: Settings) -> None:
    def bar(email: str) -> None:
        with transaction() as db:
            suppressions.add(
                db, [SuppressedAddress(fingerprint_of(email), SuppressionReason.OBJECTED, EPOCH)]
            )

    with transaction() as db:
        import_people(db, make_newsletter(db), PEOPLE, now=EPOCH)
    bar(PEOPLE[0])
    assert _introduce() == 2
    bar(PEOPLE[1])
    send_due(through)
    assert [mail["To"] for mail in sink.mails()] == [PEOPLE[2]]
    assert _informed() == [False, False, True]


def test_whoever_was_barred_or_frozen_for_a_while_is_told_afterwards(sink: Sink, through: Settings) -> None:
    """Else nobody would ever write to them: letters wait for that mail."""
    with transaction() as db:
        import_people(db, make_newsletter(db), PEOPLE[:2], now=EPOCH)
    assert _introduce() == 2
    mark = fingerprint_of(PEOPLE[0])
    frozen = update(Subscriber).where(Subscriber.email == PEOPLE[1])
    with transaction() as db:
        suppressions.add(db, [SuppressedAddress(mark, SuppressionReason.MANUAL, EPOCH)])
        db.execute(frozen.values(restricted_at=EPOCH))
    assert (send_due(through), _introduce()) == (0, 0)
    with transaction() as db:
        suppressions.remove(db, mark)
        db.execute(frozen.values(restricted_at=None))
    assert (_introduce(), send_due(through)) == (2, 2)
    assert _introduce() == 0
    assert _informed() == [True, True]


def test_a_few_at_a_time() -> None:
    with transaction() as db:
        import_people(db, make_newsletter(db), PEOPLE, now=EPOCH)
        assert introductions.introduce(db, now=EPOCH, limit=2) == 2
        assert introductions.introduce(db, now=EPOCH, limit=2) == 1
