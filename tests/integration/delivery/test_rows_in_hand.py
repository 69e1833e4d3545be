"""A person is erased or merged while a worker holds their row: it stays the worker's, and is recorded."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from mailer.core.db import transaction, utcnow
from mailer.delivery import audience, claim, ledger, merge
from mailer.delivery import erase as erasing
from mailer.delivery import outcome as ending
from mailer.delivery.claim import Claimed
from mailer.delivery.ledger import Outcome
from mailer.delivery.models import Delivery
from mailer.smtp.replies import DeliveryState, Reply
from mailer.smtp.session import TransactionEnd
from tests.support.make import all_of, make_newsletter, make_readers, make_scheduled_issue
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("clean")
WAITS = 0.5  # seconds until a statement surely waits for a lock


@pytest.fixture
def issues() -> list[UUID]:
    """Two issues to the same three readers."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        make_readers(db, newsletter, 3)
        ids = [make_scheduled_issue(db, newsletter, words).id for words in ("One.", "Two.")]
    for issue_id in ids:
        with transaction() as db:
            audience.freeze(db, issue_id, now=utcnow())
    return ids


def _claimed(worker: UUID, issue_id: UUID) -> list[Claimed]:
    with transaction() as db:
        return claim.claim(db, worker, all_of(issue_id), limit=10, now=utcnow()).rows


def _accepted(row: Claimed) -> Outcome:
    return ending.outcome(row, TransactionEnd.ANSWERED, Reply(250, "2.0.0", "ok"), utcnow())


def _readers(issue_id: UUID) -> list[UUID]:
    with transaction() as db:
        mine = select(Delivery.subscriber_id).where(Delivery.issue_id == issue_id)
        return [each for each in db.scalars(mine.order_by(Delivery.position)) if each]


def _states() -> Counter[DeliveryState]:
    with transaction() as db:
        return Counter(db.scalars(select(Delivery.state)))


class Aside:
    """Something that is done beside the test, and ends well."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act, self._raised = act, list[Exception]()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        time.sleep(WAITS)

    def _run(self) -> None:
        try:
            self._act()
        except Exception as error:
            self._raised.append(error)

    def end(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        assert self._raised == []


def _record(worker: UUID, outcomes: list[Outcome]) -> None:
    with transaction() as db:
        ledger.record(db, worker, outcomes, now=utcnow())


@pytest.mark.parametrize("act", ["erase", "merge"])
def test_a_row_that_is_recorded_as_its_person_changes_stays_the_worker_s(
    issues: list[UUID], act: str
) -> None:
    """Nobody took over: what the relay said is kept, and the worker goes on."""
    worker = uuid4()
    outcomes = [_accepted(row) for row in _claimed(worker, issues[0])]
    one, another, *_ = _readers(issues[0])
    with transaction() as db:
        if act == "erase":
            erasing.erase(db, [one])
        else:
            merge.merge(db, gone=one, kept=another)
        recording = Aside(lambda: _record(worker, outcomes))
    recording.end()
    assert _states() == {DeliveryState.ACCEPTED: 3, DeliveryState.PENDING: 3}


def test_an_erasure_and_a_worker_of_two_issues_never_wait_for_each_other(issues: list[UUID]) -> None:
    worker = uuid4()
    first, second = (_claimed(worker, issue_id)[0] for issue_id in issues)
    reader = _readers(issues[0])[first.position - 1]
    assert _readers(issues[1])[second.position - 1] == reader
    outcomes = [_accepted(second), _accepted(first)]
    with transaction() as db:
        held = Delivery.issue_id == issues[0], Delivery.subscriber_id == reader
        db.execute(select(Delivery.position).where(*held).with_for_update())
        erased = Aside(lambda: _erase(reader))
        recorded = Aside(lambda: _record(worker, outcomes))
    erased.end()
    recorded.end()
    assert _states()[DeliveryState.ACCEPTED] == 2


def _erase(reader: UUID) -> None:
    with transaction() as db:
        erasing.erase(db, [reader])
