"""Single mails on a relay as it really is: slow, dying, or closing; nothing else waits for them."""

from collections import Counter

import pytest

from mailer.core.db import utcnow
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
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
