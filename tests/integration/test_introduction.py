"""Who was imported is told first: who writes, and where the address comes from (RGPD 14)."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from mailer.db import transaction, utcnow
from mailer.people import consent, suppression
from mailer.people.models import Subscriber, Subscription, SuppressionReason
from mailer.people.suppression import Entry
from mailer.sending import notices
from mailer.settings import Settings
from tests.make import EPOCH, import_people, make_newsletter, make_pending
from tests.sink import Sink, running_sink

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
        return notices.introduce(db, now=utcnow())


def test_the_first_mail_states_the_source_and_its_arrival_is_kept(sink: Sink, through: Settings) -> None:
    with transaction() as db:
        import_people(db, make_newsletter(db), PEOPLE[:1], now=EPOCH)
    assert _informed() == [False]
    assert _introduce() == 1
    assert _introduce() == 0
    assert notices.send_due(through) == 1
    [mail] = sink.mails()
    text = next(mail.iter_parts()).get_content()
    assert "Source" in text
    assert "test" in text
    assert _informed() == [True]
    assert _introduce() == 0


def test_whoever_confirmed_themselves_knows(sink: Sink) -> None:
    with transaction() as db:
        pending = make_pending(db, make_newsletter(db), now=EPOCH)
        consent.confirm(db, pending.id, now=EPOCH)
    assert _informed() == [True]
    assert _introduce() == 0


def test_whoever_is_barred_meanwhile_gets_nothing(sink: Sink, through: Settings) -> None:
    def bar(email: str) -> None:
        with transaction() as db:
            suppression.add(db, [Entry(consent.fingerprint(email), SuppressionReason.OBJECTED, EPOCH)])

    with transaction() as db:
        import_people(db, make_newsletter(db), PEOPLE, now=EPOCH)
    bar(PEOPLE[0])
    assert _introduce() == 2
    bar(PEOPLE[1])
    notices.send_due(through)
    assert [mail["To"] for mail in sink.mails()] == [PEOPLE[2]]
    assert _informed() == [False, False, True]


def test_whoever_was_barred_or_frozen_for_a_while_is_told_afterwards(sink: Sink, through: Settings) -> None:
    """Else nobody would ever write to them: letters wait for that mail."""
    with transaction() as db:
        import_people(db, make_newsletter(db), PEOPLE[:2], now=EPOCH)
    assert _introduce() == 2
    mark = consent.fingerprint(PEOPLE[0])
    frozen = update(Subscriber).where(Subscriber.email == PEOPLE[1])
    with transaction() as db:
        suppression.add(db, [Entry(mark, SuppressionReason.MANUAL, EPOCH)])
        db.execute(frozen.values(restricted_at=EPOCH))
    assert (notices.send_due(through), _introduce()) == (0, 0)
    with transaction() as db:
        suppression.remove(db, mark)
        db.execute(frozen.values(restricted_at=None))
    assert (_introduce(), notices.send_due(through)) == (2, 2)
    assert _introduce() == 0
    assert _informed() == [True, True]


def test_a_few_at_a_time() -> None:
    with transaction() as db:
        import_people(db, make_newsletter(db), PEOPLE, now=EPOCH)
        assert notices.introduce(db, now=EPOCH, limit=2) == 2
        assert notices.introduce(db, now=EPOCH, limit=2) == 1
