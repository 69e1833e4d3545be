"""The oracle sees each promise that is broken: whatever is spoilt after a good send is said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.faults import oracle
from tests.faults.copies import Arrival, End
from tests.faults.oracle import Stop
from tests.faults.stage import Stage

Sent = tuple[Stage, UUID, list[Arrival]]


@pytest.fixture(scope="module")
def sent(built: Stage) -> Sent:
    """An issue that has left for twelve people."""
    built.reset()
    issue_id = built.issue(12)
    assert built.worker().wait() == 0
    return built, issue_id, built.relay.arrivals()


def _said(sent: Sent, arrivals: list[Arrival], spoil: str = "SELECT 1", **known: object) -> list[str]:
    """What the oracle says of a database spoilt by a statement, which is then undone."""
    stage, issue_id, _ = sent
    with stage.engine.connect() as connection, Session(connection) as db:
        db.execute(text(spoil))
        return oracle.broken(db, arrivals, issue_id, **known)  # type: ignore[arg-type]


def test_nothing_is_said_of_a_good_send(sent: Sent) -> None:
    assert _said(sent, sent[2]) == []


def test_two_copies(sent: Sent) -> None:
    arrivals = sent[2]
    assert "I1: the relay holds 2 copies" in _said(sent, [*arrivals, arrivals[3]])[0]


def test_a_copy_at_somebody_else_s(sent: Sent) -> None:
    first, *others = sent[2]
    assert "went to somebody else" in _said(sent, [replace(first, to="other@example.org"), *others])[0]


def test_a_copy_that_names_no_delivery(sent: Sent) -> None:
    assert "nobody's" in _said(sent, [*sent[2], replace(sent[2][0], message_id="")])[0]


def test_a_row_that_is_missing(sent: Sent) -> None:
    said = _said(sent, sent[2][1:], "DELETE FROM delivery WHERE position = 1")
    assert "I2: 11 rows for a frozen audience of 12" in said[0]


def test_something_that_began_after_a_no(sent: Sent) -> None:
    last = max(arrival.began for arrival in sent[2])
    at = datetime.fromtimestamp(last, UTC) - timedelta(seconds=10)
    assert "I3: 12 messages began" in _said(sent, sent[2], stops=[Stop(at - timedelta(seconds=60))])[0]
    assert "I3: 1 messages began" in _said(sent, sent[2], stops=[Stop(at, sent[2][0].to)])[0]
    assert _said(sent, sent[2], stops=[Stop(at + timedelta(seconds=20))]) == []


def test_a_copy_of_another_content(sent: Sent) -> None:
    first, *others = sent[2]
    assert "I4: 1 copies" in _said(sent, [replace(first, content="0" * 64), *others])[0]


def test_a_link_that_is_somebody_else_s(sent: Sent) -> None:
    first, second, *others = sent[2]
    assert "somebody else's" in _said(sent, [replace(first, tokens=second.tokens), second, *others])[0]


def test_accepted_and_not_there(sent: Sent) -> None:
    assert "I5: 1 rows are accepted" in _said(sent, sent[2][1:])[0]
    cut = [replace(sent[2][0], end=End.CUT), *sent[2][1:]]
    assert "I5: 1 rows are accepted" in _said(sent, cut)[0]


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE delivery SET state = 'refused' WHERE position = 5",
        "UPDATE delivery SET state = 'pending' WHERE position = 5",
        "UPDATE delivery SET state = 'deferred' WHERE position = 5",
    ],
)
def test_there_and_not_accepted(sent: Sent, spoil: str) -> None:
    assert any("I5: the relay has copies" in said for said in _said(sent, sent[2], spoil))


def test_unknown_may_be_there_or_not(sent: Sent) -> None:
    unknown = "UPDATE delivery SET state = 'unknown' WHERE position <= 2"
    assert "I6: 2 rows are unknown, and nobody has been asked" in _said(sent, sent[2], unknown)
    alarm = {"id": "gen_random_uuid()", "name": "'unknown:it'", "kind": "'unknown'", "subject": "'it'",
             "facts": "'{}'", "since": "now()", "tell_at": "now()", "seen_at": "now()"}  # fmt: skip
    spoil = f"{unknown}; INSERT INTO alarm ({', '.join(alarm)}) VALUES ({', '.join(alarm.values())})"  # noqa: S608
    assert _said(sent, sent[2], spoil) == []
    assert _said(sent, [arrival for arrival in sent[2] if _position(arrival) > 1], spoil) == []


def _position(arrival: Arrival) -> int:
    return oracle._whose(arrival.message_id)[1]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("state = 'handed', worker = gen_random_uuid()", "I6: 1 rows are still handed"),
        ("state = 'pending'", "I6: 1 rows are still pending"),
        ("state = 'deferred', due_at = now() - interval '1 hour'", "I6: 1 deferred rows are long overdue"),
    ],
)
def test_rows_that_nobody_settles(sent: Sent, spoil: str, words: str) -> None:
    spoilt = f"UPDATE issue SET state = 'sending'; UPDATE delivery SET {spoil} WHERE position = 5"  # noqa: S608
    said = _said(sent, sent[2], spoilt)
    assert any(words in each for each in said)
