"""Workers that are asked to stop, stopped, or gone with their machine."""

import os
import signal

import pytest
from sqlalchemy import text

from tests.faults.choice import every
from tests.faults.conftest import Judge
from tests.faults.points import BEGIN, BODY, Point, Then
from tests.faults.stage import Stage
from tests.support.waiting import until

READERS = 60
SIGKILLED = -9


@pytest.mark.parametrize(
    "name",
    every(
        ["claim.inside", "claim.committed", "begin.after", "body.dot", "record.inside"],
        often=["claim.committed", "body.dot"],
    ),
)
def test_sigterm_drains(stage: Stage, judge: Judge, name: str) -> None:
    issue_id = stage.issue(200)
    assert stage.worker(Point(name, Then.TERM, 2)).wait() == 0
    states = stage.states(issue_id)
    assert set(states) <= {"pending", "accepted"}
    assert states["pending"] > 0
    assert stage.worker().wait() == 0
    assert judge(issue_id, f"{states['accepted']} accepted, none in flight") == {"accepted": 200}


@pytest.mark.parametrize(
    "name",
    every(
        ["claim.committed", *BEGIN[1:], *BODY, "reply.before", "record.before", "record.committed"],
        often=["body.middle", "record.before"],
    ),
)
def test_stopped_beyond_its_lease_then_continued(stage: Stage, judge: Judge, name: str) -> None:
    issue_id = stage.issue(READERS)
    stopped = stage.worker(Point(name, Then.STOP, 2))
    stopped.reached()
    held = stage.states(issue_id)["handed"]
    other = stage.worker()
    until(lambda: set(stage.states(issue_id)) <= {"accepted", "unknown"}, "the other did not finish")
    stopped.signal(signal.SIGCONT)
    assert [stopped.wait(), other.wait()] == [0, 0]
    states = judge(issue_id, f"{held} rows held while stopped")
    assert states.get("unknown", 0) <= held


def test_stopped_within_its_lease(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(READERS)
    lease = {"mailer.delivery.ledger:SILENT_AFTER": 600}
    stopped = stage.worker(Point("body.dot", Then.STOP, 5), constants=lease)
    stopped.reached()
    other = stage.worker(constants=lease)
    held = stage.states(issue_id)["handed"]
    until(lambda: stage.states(issue_id)["accepted"] + held == READERS, "the other did not send the rest")
    stopped.signal(signal.SIGCONT)
    assert [stopped.wait(), other.wait()] == [0, 0]
    assert judge(issue_id, "its rows waited for it") == {"accepted": READERS}


def test_the_machine_restarted(stage: Stage, judge: Judge) -> None:
    """Another boot id in the journal: its last lines may be missing, so every handed row is unknown."""
    issue_id = stage.issue(READERS)
    assert stage.worker(Point("record.before", Then.KILL, 2)).wait() == SIGKILLED
    held = stage.states(issue_id)["handed"]
    [journal] = (stage.data_dir / "journal").glob("*.journal")
    head, _, rest = journal.read_text().partition("\n")
    journal.write_text(f"{head.rpartition(' ')[0]} another-boot\n")
    assert rest
    assert stage.worker().wait() == 0
    assert judge(issue_id, "its journal is worth nothing") == {"accepted": READERS - held, "unknown": held}


def test_the_machine_is_lost(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(READERS)
    assert stage.worker(Point("record.before", Then.KILL, 2)).wait() == SIGKILLED
    held = stage.states(issue_id)["handed"]
    for journal in (stage.data_dir / "journal").iterdir():
        journal.unlink()
    assert stage.worker().wait() == 0
    assert judge(issue_id, "no journal at all") == {"accepted": READERS - held, "unknown": held}


def test_a_journal_cut_in_its_last_line(stage: Stage, judge: Judge) -> None:
    """A line that was not wholly written announces what never happened."""
    issue_id = stage.issue(READERS)
    assert stage.worker(Point("begin.before", Then.KILL)).wait() == SIGKILLED
    [journal] = (stage.data_dir / "journal").glob("*.journal")
    with journal.open("a") as file:
        file.write(f"{issue_id.hex}\t1\t1\tunkno")
    assert stage.worker().wait() == 0
    assert judge(issue_id, "as if it were not there") == {"accepted": READERS}


def test_nobody_is_left_behind(stage: Stage, judge: Judge) -> None:
    """After a send that ended well no journal remains, and no row names a worker."""
    issue_id = stage.issue(READERS)
    assert stage.worker(Point("body.dot", Then.KILL, 9)).wait() == SIGKILLED
    assert stage.worker().wait() == 0
    judge(issue_id)
    assert stage.worker(seconds=0.5).wait() == 0
    left = [os.fspath(path) for path in (stage.data_dir / "journal").iterdir()]
    assert left == []
    with stage.transaction() as db:
        assert db.scalar(text("SELECT count(*) FROM delivery WHERE worker IS NOT NULL")) == 0
