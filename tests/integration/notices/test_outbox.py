"""The outbox: which notices leave first, and how long the oldest has waited."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.core.jobs import Failure
from mailer.core.restore_lock import Restoration
from mailer.notices import outbox
from mailer.notices.models import Notice, NoticeKind, Priority
from mailer.subscribers.signup import Due, SignupDecision
from tests.support.make import make_newsletter, make_pending

pytestmark = pytest.mark.usefixtures("clean")


def _subscription(db: Session) -> UUID:
    return make_pending(db, make_newsletter(db), now=utcnow()).id


def _post(db: Session, kind: NoticeKind, minutes: float = 0) -> None:
    now = utcnow() - timedelta(minutes=minutes)
    outbox.post(db, kind, email="zoe@example.org", locale="fr", now=now)


@pytest.mark.parametrize(
    ("write", "priority"),
    [
        (lambda db: _post(db, NoticeKind.RIGHTS), Priority.URGENT),
        (lambda db: _post(db, NoticeKind.NEW_ADDRESS), Priority.URGENT),
        (lambda db: _post(db, NoticeKind.RECEIPT), Priority.NORMAL),
        (lambda db: _post(db, NoticeKind.RECONFIRM), Priority.BULK),
        (
            lambda db: outbox.answer_signup(
                db, SignupDecision(_subscription(db), Due.CONFIRMATION), now=utcnow()
            ),
            Priority.URGENT,
        ),
        (lambda db: outbox.goodbye(db, _subscription(db), now=utcnow()), Priority.NORMAL),
        (lambda db: outbox.welcome(db, _subscription(db), now=utcnow()), Priority.NORMAL),
        (lambda db: outbox.introduce(db, _subscription(db), now=utcnow()), Priority.BULK),
    ],
    ids=[
        "rights",
        "new address",
        "receipt",
        "reconfirm",
        "confirmation",
        "goodbye",
        "welcome",
        "introduction",
    ],
)
def test_what_somebody_looks_out_for_leaves_first(
    write: Callable[[Session], object], priority: Priority
) -> None:
    with transaction() as db:
        write(db)
        assert db.scalars(select(Notice.priority)).all() == [priority]


def test_the_oldest_that_is_due_is_measured_by_priority() -> None:
    with transaction() as db:
        assert outbox.oldest_due(db) == {}
        for minutes in (7, 3, -5):
            _post(db, NoticeKind.RIGHTS, minutes)
        _post(db, NoticeKind.RECONFIRM, 60)
        _post(db, NoticeKind.RECEIPT, -1)  # later
    with transaction() as db:
        ages = outbox.oldest_due(db)
        assert sorted(ages) == [Priority.URGENT, Priority.BULK]
        assert timedelta(minutes=7) <= ages[Priority.URGENT] < timedelta(minutes=12)
        assert timedelta(minutes=60) <= ages[Priority.BULK] < timedelta(minutes=65)


def test_what_is_set_aside_or_waits_for_a_restore_is_not_due() -> None:
    with transaction() as db:
        _post(db, NoticeKind.RIGHTS, 7)
        notice_id = db.scalars(select(Notice.id)).one()
        times = {"since": func.now(), "until": func.now() + timedelta(minutes=1)}
        db.add(Failure(job=outbox.JOB, row=str(notice_id), failures=1, error="ValueError", **times))
        db.flush()
        assert outbox.oldest_due(db) == {}
        db.execute(update(Failure).values(until=func.now()))
        assert set(outbox.oldest_due(db)) == {Priority.URGENT}
        db.execute(update(Restoration).values(armed_at=None))
        assert outbox.oldest_due(db) == {}
        db.execute(update(Restoration).values(armed_at=func.now()))
        db.execute(delete(Failure))
