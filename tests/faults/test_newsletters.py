"""Several newsletters at once: each issue that leaves has its part of the pace."""

from uuid import UUID

from tests.faults.conftest import Judge
from tests.faults.stage import Stage
from tests.support.make import EPOCH, import_people, make_newsletter
from tests.support.waiting import until

LARGE, SMALL = 3000, 60


def test_a_small_issue_does_not_wait_behind_a_large_one(stage: Stage, judge: Judge) -> None:
    large = stage.issue(LARGE)
    stage.relay.offer(usual=0.02)
    worker = stage.worker()
    stage.relay.wait_taken(100)
    small = _another_newsletter(stage)
    until(lambda: stage.states(small).total() == SMALL, "the small issue was not frozen")
    before = stage.states(large)["accepted"]
    until(lambda: stage.states(small) == {"accepted": SMALL}, "the small issue waits")
    meanwhile = stage.states(large)["accepted"] - before
    assert meanwhile < LARGE / 3, f"{meanwhile} of the large one left first"
    assert judge(small, f"sent while {meanwhile} of {LARGE} others left") == {"accepted": SMALL}
    assert worker.wait() == 0
    assert judge(large, "goes on beside a small one") == {"accepted": LARGE}


def _another_newsletter(stage: Stage) -> UUID:
    with stage.transaction() as db:
        newsletter = make_newsletter(db, slug="appels", name="Appels à projets")
        people = [f"other{number}@example.org" for number in range(SMALL)]
        import_people(db, newsletter, people, informed_at=EPOCH)
    return stage.schedule(newsletter)
