"""A journal that cannot be written: delivery waits, a person is asked, nothing is lost."""

import resource

from tests.faults.conftest import Judge
from tests.faults.stage import Life, Stage
from tests.support.waiting import until

READERS = 200
FULL = 4000  # bytes: the header and some thirty lines


def _room(worker: Life, size: int) -> None:
    """Let the kernel refuse this process files larger than that, as a full disk does."""
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_full_in_mid_send(stage: Stage, judge: Judge) -> None:
    newsletter = stage.readers(READERS)
    worker = stage.worker(forever=True)
    _room(worker, FULL)
    issue_id = stage.schedule(newsletter)
    until(lambda: "journal" in stage.alarms(), "nobody was asked")
    assert stage.states(issue_id)["pending"] > 0
    judge(issue_id, settled=False)
    _room(worker, resource.RLIM_INFINITY)
    until(lambda: stage.states(issue_id) == {"accepted": READERS}, "the others did not leave")
    judge(issue_id, "waited, a person asked; then all leave")


def test_full_before_the_send(stage: Stage, judge: Judge) -> None:
    newsletter = stage.readers(READERS)
    worker = stage.worker(forever=True)
    _room(worker, 0)
    issue_id = stage.schedule(newsletter)
    until(lambda: "set_aside" in stage.alarms(), "nobody was asked")  # the freeze cannot be logged
    assert stage.relay.taken() == [each for each in stage.relay.taken() if "reader" not in each.to]
    assert stage.states(issue_id) == {}
    _room(worker, resource.RLIM_INFINITY)
    until(lambda: stage.states(issue_id) == {"accepted": READERS}, "they did not leave")
    judge(issue_id, "nothing begins; then all leave")
