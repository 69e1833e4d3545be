"""Single mails on a relay as it really is: slow, dying, or closing; nothing else waits for them."""

from collections import Counter

import pytest
from sqlalchemy import select, update

from mailer.core import circuit
from mailer.core.db import utcnow
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.notices import outbox
from mailer.notices.models import Notice, NoticeKind
from mailer.smtp.replies import WAITING
from tests.faults.script import At, Do, Rule
from tests.faults.stage import CONNECTIONS, Stage
from tests.faults.tree import growing
from tests.support.make import ask, import_people
from tests.support.waiting import until

ZOE = "zoe@example.net"
SLOW = 1.5  # seconds a message
DAYS = {"mailer.celery_app:TICK": 2.0, "mailer.celery_app:SWEEP": 10.0, "mailer.tasks:STRETCH": 8.0}


def _to_be_told(stage: Stage, count: int) -> None:
    newsletter = stage.readers(12)
    with stage.transaction() as db:
        import_people(db, newsletter, [f"told{number}@example.org" for number in range(count)])


def _told(stage: Stage) -> Counter[str]:
    return Counter(arrival.to for arrival in stage.relay.taken() if arrival.to.startswith("told"))


def _note(request: pytest.FixtureRequest, happened: str, **counts: int) -> None:
    request.node.user_properties.append(("fault", {"happened": happened, **counts}))


def test_introductions_on_a_slow_relay_hold_nothing_up(stage: Stage, request: pytest.FixtureRequest) -> None:
    _to_be_told(stage, 400)
    stage.relay.offer(usual=SLOW)
    with growing(stage, "ticks", "notices", "beat", constants=DAYS):
        until(lambda: len(_told(stage)) > CONNECTIONS, "nobody was told")
        with stage.transaction() as db:
            newsletter = stage.newsletter()
            ask(db, newsletter, ZOE, now=utcnow())
        before, asked = _told(stage).total(), utcnow()
        issue_id = stage.schedule(newsletter)
        until(lambda: stage.mails_to(ZOE), "the confirmation did not leave")
        seconds = (utcnow() - asked).total_seconds()
        behind = _told(stage).total() - before

        def started() -> bool:
            with stage.transaction() as db:
                return db.get_one(Issue, issue_id).state is not IssueState.SCHEDULED

        until(started, "the issue was not frozen")
        frozen = _told(stage).total() - before
    _note(request, f"a confirmation in {seconds:.1f} s, {behind} introductions before it", accepted=frozen)
    assert behind <= 4 * CONNECTIONS
    assert frozen <= 8 * CONNECTIONS


SHORT = {"mailer.tasks:STRETCH": 0.5}


def _post(stage: Stage, count: int) -> None:
    with stage.transaction() as db:
        for number in range(count):
            outbox.post(
                db, NoticeKind.NOTHING_HELD, email=f"told{number}@example.org", locale="fr", now=utcnow(),
                facts={"link": "/rights", "dpo": "dpo@example.org"},
            )  # fmt: skip


def _rows(stage: Stage) -> Counter[tuple[str, int]]:
    with stage.transaction() as db:
        rows = db.execute(select(Notice.state, Notice.attempts)).all()
    return Counter((state.value, attempts) for state, attempts in rows)


def _hasten(stage: Stage) -> None:
    with stage.transaction() as db:
        db.execute(update(Notice).where(Notice.state.in_(WAITING)).values(due_at=utcnow()))


def _all_accepted(stage: Stage, count: int) -> bool:
    return sum(n for (state, _), n in _rows(stage).items() if state == "accepted") == count


def test_a_worker_killed_with_mails_in_flight(stage: Stage, request: pytest.FixtureRequest) -> None:
    """They may arrive twice, and none is lost."""
    _post(stage, 40)
    stage.relay.offer(usual=0.2)
    worker = stage.worker(forever=True, constants=SHORT)
    stage.relay.wait_taken(10)
    worker.kill()
    in_flight = sum(n for (state, attempts), n in _rows(stage).items() if (state, attempts) == ("pending", 1))
    assert in_flight <= 2 * CONNECTIONS  # one announced behind each
    _hasten(stage)
    stage.worker(forever=True, constants=SHORT)
    until(lambda: _all_accepted(stage, 40), f"not all left: {_rows(stage)}")
    told = _told(stage)
    _note(request, f"kill -9, {in_flight} in flight, {told.total() - 40} came twice", accepted=40)
    assert len(told) == 40
    assert told.total() - 40 <= in_flight


def test_a_relay_that_closes_after_each(stage: Stage, request: pytest.FixtureRequest) -> None:
    """A limit of its connections charges nobody."""
    _post(stage, 12)
    stage.relay.offer(closes_after=1)
    stage.worker(forever=True, constants=SHORT)
    until(lambda: _all_accepted(stage, 12), f"not all left: {_rows(stage)}")
    _note(request, "it reconnects at once", accepted=12)
    assert _rows(stage) == {("accepted", 1): 12}


def test_a_relay_that_takes_mails_and_dies(stage: Stage, request: pytest.FixtureRequest) -> None:
    """What may have arrived may come again; so after three the rest waits until one has been answered for."""
    _post(stage, 40)
    stage.relay.script(Rule(At.DOT, Do.TAKE_DROP))
    stage.worker(forever=True, constants=SHORT | {"mailer.core.circuit:_OURS": [2.0, 2.0]})
    until(lambda: _held(stage), "the relay does not count as down")
    charged = sum(n for (_, attempts), n in _rows(stage).items() if attempts)
    stage.relay.script()
    until(
        lambda: _rows(stage)["accepted", 1] >= 40 - charged - 1 and not _held(stage), "the rest did not leave"
    )
    _hasten(stage)
    until(lambda: _all_accepted(stage, 40), f"not all left: {_rows(stage)}")
    _note(request, f"{charged} charged, then it counts as down", accepted=40)
    assert charged <= 2 * CONNECTIONS
    assert len(_told(stage)) == 40


def _held(stage: Stage) -> bool:
    with stage.transaction() as db:
        return circuit.RELAY in circuit.known(db)
