"""The ledger and the loop, against a real SMTP server: what it says is what the server holds."""

import email
import email.policy
import gc
import re
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from mailer.core import circuit, heartbeats
from mailer.core.db import engine, transaction, utcnow
from mailer.core.heartbeats import Heartbeat
from mailer.core.settings import Settings, settings
from mailer.core.tokens import Purpose, read_delivery
from mailer.delivery import audience, claim, ledger, recovery, reports
from mailer.delivery import send as sending
from mailer.delivery.certificate import certify
from mailer.delivery.claim import Claim, Fenced
from mailer.delivery.ledger import Outcome
from mailer.delivery.models import Delivery
from mailer.issues.models import Approval, Issue
from mailer.issues.state_machine import IssueState
from mailer.newsletters.models import Newsletter
from mailer.smtp.pool import Pool
from mailer.smtp.providers import OTHER
from mailer.smtp.relay import Relay, RelayDown
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import subscriptions
from mailer.subscribers.models import Subscriber, Subscription
from tests.support.broken import broken
from tests.support.make import (
    all_of,
    import_people,
    make_letter,
    make_newsletter,
    make_readers,
    make_scheduled_issue,
    make_sender,
    send_letter,
    truncate,
)
from tests.support.sink import Sink, running_sink
from tests.support.waiting import PATIENCE


@pytest.fixture
def sink() -> Iterator[tuple[Sink, Relay]]:
    with running_sink() as sink:
        yield sink, Relay.parse(sink.url)


@pytest.fixture
def frozen(clean: None) -> tuple[Issue, list[str]]:
    with transaction() as db:
        newsletter = make_newsletter(db)
        readers = make_readers(db, newsletter, 40)
        issue = make_scheduled_issue(db, newsletter)
        assert audience.freeze(db, issue.id, now=utcnow())
        assert audience.freeze(db, issue.id, now=utcnow()) is None
    return issue, readers


def _send(issue: Issue, relay: Relay) -> None:
    sender = make_sender(relay)
    send_letter(sender, issue.id, make_letter(issue))
    sender.leave()


def _states(issue_id: UUID) -> Counter[str]:
    with transaction() as db:
        return Counter(
            s.value for s in db.scalars(select(Delivery.state).where(Delivery.issue_id == issue_id))
        )


def test_everybody_gets_one_copy_and_the_certificate_says_so(
    sink: tuple[Sink, Relay], frozen: tuple[Issue, list[str]]
) -> None:
    (server, relay), (issue, readers) = sink, frozen
    _send(issue, relay)
    assert Counter(e.rcpt_tos[0] for e in server.envelopes) == Counter(readers)
    with transaction() as db:
        assert ledger.close_finished(db, now=utcnow()) == [issue.id]
    with transaction() as db:
        certificate = certify(db, issue.id)
    assert (certificate.audience, certificate.accepted, certificate.unknown) == (40, 40, 0)


def test_a_copy_has_both_parts_and_a_link_that_is_its_reader_s(
    sink: tuple[Sink, Relay], frozen: tuple[Issue, list[str]]
) -> None:
    (server, relay), (issue, _) = sink, frozen
    _send(issue, relay)
    for envelope in server.envelopes:
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
        token = str(message["List-Unsubscribe"]).split("/u/")[1].split(">")[0]
        send_id, position = read_delivery(Purpose.UNSUBSCRIBE, token)
        assert send_id == issue.send_id
        with transaction() as db:
            row = db.get_one(Delivery, (issue.id, position))
            assert row.subscriber_id
            assert db.get_one(Subscriber, row.subscriber_id).email == message["To"]


def test_refused_deferred_and_withheld_are_told_apart(
    sink: tuple[Sink, Relay], frozen: tuple[Issue, list[str]]
) -> None:
    (server, relay), (issue, readers) = sink, frozen
    server.refusals = {readers[0]: f"550 5.1.1 <{readers[0]}> unknown", readers[1]: "450 4.2.1 later"}
    with transaction() as db:
        joined = select(Subscription).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        gone = db.scalars(joined.where(Subscriber.email == readers[2])).one()
        subscriptions.withdraw(db, gone.id, channel="link", now=utcnow())
    _send(issue, relay)
    assert _states(issue.id) == {"accepted": 37, "refused": 1, "deferred": 1, "withheld": 1}
    with transaction() as db:
        refused = db.scalars(select(Delivery).where(Delivery.state == DeliveryState.REFUSED)).one()
    assert (refused.code, refused.enhanced) == (550, "5.1.1")
    assert readers[0] not in (refused.reply or "")


def test_who_rests_or_was_not_told_of_an_import_is_left_out_of_the_freeze(clean: None) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db)
        make_readers(db, newsletter, 10)
        import_people(db, newsletter, ["stranger@example.org"])
        _rest_until(db, "reader1@example.com", utcnow() + timedelta(days=1))
        _rest_until(db, "reader2@example.org", utcnow() - timedelta(days=1))
        _restrict(db, "reader3@example.com")
        issue = make_scheduled_issue(db, newsletter)
        frozen = audience.freeze(db, issue.id, now=utcnow())
        assert frozen
        assert (frozen.candidates, frozen.audience, frozen.excluded) == (11, 8, 3)


def test_who_asks_for_rest_in_mid_send_is_withheld(frozen: tuple[Issue, list[str]]) -> None:
    issue, readers = frozen
    with transaction() as db:
        _rest_until(db, readers[3], utcnow() + timedelta(days=1))
        uninformed = select(Subscriber.id).where(Subscriber.email == readers[4])
        mine = Subscription.subscriber_id.in_(uninformed)
        db.execute(update(Subscription).where(mine).values(informed_at=None))
        _restrict(db, readers[5])
    with transaction() as db:
        claimed = claim.claim(db, uuid4(), all_of(issue.id), limit=100, now=utcnow())
        assert (len(claimed.rows), claimed.withheld) == (37, 3)
        reasons = db.scalars(select(Delivery.withheld).where(Delivery.withheld.is_not(None)))
        assert {reason.value for reason in reasons if reason} == {"paused", "restricted", "uninformed"}


def test_the_claim_goes_through_indexes_though_the_tables_were_just_made(clean: None) -> None:
    """Whom to write to is asked of keys: a plan that reads a table whole would do so at each claim."""
    with engine().begin() as connection:
        truncate(connection)  # of tables known to be empty, a whole index is no dearer than a key
    with transaction() as db:
        db.execute(claim.BY_KEY)
        values = {"issues": [uuid4()], "worker": uuid4(), "limit": 100, "now": utcnow(), "providers": [OTHER],
                  "budgets": [100], "dues": [claim.START[0]], "places": [0]}  # fmt: skip
        plan = "\n".join(db.scalars(text(f"EXPLAIN {claim._CLAIM.text}"), values))
    keys = "pk_subscriber", r"\w+_subscriber_id on subscription", "pk_suppression"
    for key in (*keys, "pk_consent_payload", "ix_consent_payload_no"):
        assert re.search(rf"Index (Only )?Scan using {key} ", plan), plan
    assert not [name for name in ("Seq Scan", "Hash", "Materialize", "Scan on recipient") if name in plan]


def test_the_freeze_looks_into_the_function_it_selects_from(clean: None) -> None:
    """PostgreSQL plans both as one, where it could also call it as something it knows nothing of."""
    with transaction() as db:
        values = {"newsletter": uuid4(), "issue": uuid4(), "now": utcnow(), "other": OTHER,
                  "domains": ["example.org"], "providers": [OTHER]}  # fmt: skip
        plan = "\n".join(db.scalars(text(f"EXPLAIN {audience._FREEZE.text}"), values))
    assert " subscriber s " in plan
    assert "Scan on recipient" not in plan


def _rest_until(db: Session, address: str, until: datetime) -> None:
    db.execute(update(Subscriber).where(Subscriber.email == address).values(paused_until=until))


def _restrict(db: Session, address: str) -> None:
    db.execute(update(Subscriber).where(Subscriber.email == address).values(restricted_at=utcnow()))


_COPY = (
    "INSERT INTO delivery SELECT (jsonb_populate_record(d, jsonb_build_object({changes}))).* "
    "FROM delivery d LIMIT 1"
)


@pytest.mark.parametrize(
    "statement",
    [
        _COPY.format(changes="'issue_id', CAST(:nothing AS text)"),
        _COPY.format(changes="'consent_id', CAST(:nothing AS text), 'position', 100, 'subscriber_id', NULL"),
        "UPDATE delivery SET consent_id = CAST(:nothing AS uuid)",
        "UPDATE delivery SET issue_id = CAST(:nothing AS uuid)",
        "DELETE FROM issue",
    ],
)
def test_a_row_is_of_an_issue_and_rests_on_a_consent(frozen: tuple[Issue, list[str]], statement: str) -> None:
    """What foreign keys would say, at a third of a freeze's price."""
    with transaction() as db:
        db.execute(delete(Approval))
    with pytest.raises(IntegrityError, match=r"a delivery|an issue that was sent"), transaction() as db:
        db.execute(text(statement), {"nothing": str(uuid4())})


def test_a_paused_issue_lets_nothing_be_claimed(frozen: tuple[Issue, list[str]]) -> None:
    issue, _ = frozen
    with transaction() as db:
        db.execute(update(Issue).values(state=IssueState.PAUSED))
        assert claim.claim(db, uuid4(), all_of(issue.id), limit=10, now=utcnow()) == Claim()


def test_a_silent_worker_s_rows_become_unknown_and_it_cannot_record_them(
    frozen: tuple[Issue, list[str]],
) -> None:
    issue, _ = frozen
    worker, now = uuid4(), utcnow()
    with transaction() as db:
        heartbeats.beat(db, worker, "sender")
        claimed = claim.claim(db, worker, all_of(issue.id), limit=10, now=now)
    row = claimed.rows[0]
    assert _swept_after(timedelta(seconds=60)) == 0
    assert _swept_after(timedelta(seconds=121)) == 0  # suspected; a jump of the clock would look the same
    with transaction() as db:
        heartbeats.beat(db, worker, "sender")
    assert _swept_after(timedelta(seconds=60)) == 0
    _swept_after(timedelta(seconds=121))
    assert _swept_after(timedelta(seconds=16)) == 10
    late = Outcome(issue.id, row.position, row.fence, DeliveryState.ACCEPTED, now, 1, 0, 250, "", "")
    with pytest.raises(Fenced), transaction() as db:
        ledger.record(db, worker, [late], now=now)
    assert _states(issue.id) == {"unknown": 10, "pending": 30}


def _swept_after(elapsed: timedelta) -> int:
    """As if so much time had passed since the last heartbeat and suspicion."""
    with transaction() as db:
        db.execute(
            update(Heartbeat).values(
                seen_at=Heartbeat.seen_at - elapsed, suspected_at=Heartbeat.suspected_at - elapsed
            )
        )
        return ledger.mark_unknown(db, now=utcnow())


def test_the_newsletter_of_a_link_survives_an_erasure(frozen: tuple[Issue, list[str]]) -> None:
    issue, _ = frozen
    assert issue.send_id
    with transaction() as db:
        row = db.get_one(Delivery, (issue.id, 1))
        db.delete(db.get_one(Subscriber, row.subscriber_id))
        db.flush()
        found = reports.addressee(db, issue.send_id, 1)
        assert found
        assert (found.newsletter_slug, found.subscription_id) == ("lettre", None)
        claimed = claim.claim(db, uuid4(), all_of(issue.id), limit=1, now=utcnow())
        assert (claimed.rows, claimed.withheld) == ([], 1)
        assert db.scalars(select(Newsletter)).one()


def test_what_nobody_foresaw_leaves_every_row_explained(
    sink: tuple[Sink, Relay], frozen: tuple[Issue, list[str]]
) -> None:
    """The process lives on: what it held must not wait for its end."""
    (server, relay), (issue, readers) = sink, frozen
    sender, left = make_sender(relay), iter(range(5))

    def fails(message: bytes, *, canonical: bool) -> bytes:
        if next(left, None) is None:
            raise LookupError("a fault of ours")
        return message

    with pytest.raises(LookupError):
        send_letter(sender, issue.id, replace(make_letter(issue), sign=fails))
    recovery.recover(recovery.folder(settings()))
    states = _states(issue.id)
    assert "handed" not in states
    assert states["accepted"] + states["unknown"] == len(server.envelopes) <= 5
    send_letter(sender, issue.id, make_letter(issue))
    sender.leave()
    recipients = Counter(each.rcpt_tos[0] for each in server.envelopes)
    assert recipients == Counter(readers)
    assert set(_states(issue.id)) <= {"accepted", "unknown"}


def test_whatever_keeps_a_connection_from_being_had_is_told_at_once(
    settings: Settings, sink: tuple[Sink, Relay]
) -> None:
    """Whoever waits for the first connection waits for ever otherwise."""
    relay = replace(sink[1], host="\udce9")
    pool = Pool(relay, 2, make_sender(relay), lambda _: False)
    with pytest.raises(RelayDown, match="UnicodeError"):
        pool.first(5)


def test_a_probe_that_broke_off_for_another_reason_keeps_nobody_away(
    sink: tuple[Sink, Relay], frozen: tuple[Issue, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = make_sender(sink[1])
    monkeypatch.setattr(sending, "_worker", lambda _: sender)
    with transaction() as db:
        circuit.hit(db, circuit.RELAY, "no connection", now=utcnow() - timedelta(minutes=1))
    with broken("UPDATE", "delivery", "position", 1), pytest.raises(DBAPIError):
        sending.send(PATIENCE, stopping=lambda: False)
    with transaction() as db:
        assert not circuit.standing(db, [circuit.RELAY], now=utcnow())
    sending.send(PATIENCE, stopping=lambda: False)
    sender.leave()
    assert set(_states(frozen[0].id)) == {"accepted"}


def test_what_was_dialled_when_one_left_is_hung_up(settings: Settings, sink: tuple[Sink, Relay]) -> None:
    before = set(threading.enumerate())
    pool = Pool(sink[1], 2, make_sender(sink[1]), lambda _: False)
    pool.grow(2)
    pool.close()
    for dialling in set(threading.enumerate()) - before:
        dialling.join(10)
    pool.first()
    assert len(pool.sessions) == 1
    pool.grow(2)
    pool.close()
    for dialling in set(threading.enumerate()) - before:
        dialling.join(10)
    del pool
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        gc.collect()
    assert [str(each.message) for each in told] == []  # no socket was left open
