"""The bench's recipients are as good as imported ones: a send to them proves what it claims to."""

from bench import sending, verification
from bench.sample_data import SampleSubscribers
from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings
from mailer.delivery import audience
from mailer.issues import lifecycle
from mailer.subscribers.consent import verify


def test_every_consent_is_a_valid_link_of_one_chain(clean: None) -> None:
    subscribers = SampleSubscribers()
    subscribers.subscribe(sending.newsletter("first"), 3)
    subscribers.subscribe(sending.newsletter("second"), 2)
    with transaction() as db:
        found = verify.verify(db, now=utcnow())
    assert found.whole
    assert found.events == found.payloads == 5


def test_everybody_is_in_the_audience(clean: None, settings: Settings) -> None:
    SampleSubscribers().subscribe(sending.newsletter("lettre"), 7)
    issue_id = sending.draft("lettre")
    with transaction() as db:
        issue = lifecycle.get(db, issue_id)
        assert issue
        now = utcnow()
        lifecycle.schedule(db, issue, due_at=now, approver="bench", now=now, settings=settings)
        frozen = audience.freeze(db, issue_id, now=now)
    assert frozen
    assert (frozen.audience, frozen.excluded) == (7, 0)


def test_a_verification_is_measured(clean: None) -> None:
    subscribers = SampleSubscribers()
    newsletter_id = sending.newsletter("lettre")
    subscribers.subscribe(newsletter_id, 30)
    measured = verification.measure(subscribers, newsletter_id, 4, lines=3)
    assert (measured.events, measured.added, measured.lines) == (30, 4, 3)
    assert measured.seconds > 0
    assert measured.peak > 1 << 20
