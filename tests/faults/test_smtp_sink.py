"""Postfix's own bad relay, `smtp-sink`, with each of its faults at each command, in mid send."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from bench.sink import NoPostfix, program
from mailer.core import circuit
from mailer.core.db import utcnow
from mailer.core.embedded import free_port, is_free
from mailer.delivery import refusals
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from tests.faults.conftest import Judge
from tests.faults.stage import CONNECTIONS, Stage
from tests.faults.test_relay_faults import SHORT
from tests.support.waiting import until

READERS = 10_000
WHILE = 3.0  # seconds for which it misbehaves
COMMANDS = ("connect", "ehlo", "mail", "rcpt", "data", ".", "quit")
FAULTS = [(flag, command) for flag in ("-q", "-Q", "-r", "-f") for command in COMMANDS] + [("-A", "1")]
NO_GREETING = {("-f", "connect"), ("-r", "connect")}  # smtp-sink has no reply of its own to a connection


@contextmanager
def _sink(port: int, folder: Path, *options: str) -> Iterator[None]:
    """A sink on this port, which lets go of it at the end."""
    who = ("-u", "nobody") if os.geteuid() == 0 else ()
    command = [program("smtp-sink"), *who, *options, f"127.0.0.1:{port}", "256"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: not is_free(port), "smtp-sink did not start")
    try:
        yield
    finally:
        process.kill()
        process.wait()
        until(lambda: is_free(port), "smtp-sink did not stop")


@pytest.fixture
def folder(stage: Stage) -> Iterator[Path]:
    """Where the sink, which is nobody, writes what it takes."""
    made = stage.folder / "sink"
    made.mkdir(mode=0o777)
    made.chmod(0o777)
    yield made
    shutil.rmtree(made)


@pytest.mark.long
@pytest.mark.parametrize(("flag", "command"), [each for each in FAULTS if each not in NO_GREETING])
def test_a_fault_of_it_while_ten_thousand_leave(
    stage: Stage, judge: Judge, folder: Path, flag: str, command: str
) -> None:
    try:
        program("smtp-sink")
    except NoPostfix as missing:
        pytest.skip(str(missing))
    issue_id, port = stage.issue(READERS), free_port()
    with _sink(port, folder):
        worker = stage.worker(constants=SHORT, env={"MAILER_RELAY_URL": f"smtp://127.0.0.1:{port}"})
        until(lambda: stage.states(issue_id)["accepted"] > READERS // 10, "nothing leaves")
    with _sink(port, folder, flag, command):
        time.sleep(WHILE)
    with _sink(port, folder, "-D", "taken"):
        until(lambda: _is_over(stage, issue_id), f"it did not end: {stage.states(issue_id)}")
    assert worker.wait() == 0
    states = judge(issue_id, f"{flag} {command}: every row is final, nobody gets two", logged=False)
    assert states.get("unknown", 0) <= CONNECTIONS * 10
    assert _copies(folder / "taken") <= states["accepted"]


def _is_over(stage: Stage, issue_id: UUID) -> bool:
    """Whether the issue is closed; a person answers what is asked, and nobody waits for long."""
    with stage.transaction() as db:
        issue = db.scalars(select(Issue).where(Issue.id == issue_id)).one()
        if refusals.undecided(db, issue_id):
            refusals.retry(db, issue, by="terminal", now=utcnow())
        circuit.clear(db, *circuit.known(db))
        closed = issue.state is IssueState.CLOSED
    if not closed:
        stage.hasten(issue_id)
    return closed


def _copies(taken: Path) -> int:
    """How many messages are in the file, each of which must be another's."""
    lines = taken.read_bytes().splitlines() if taken.exists() else []
    ids = [line for line in lines if line.lower().startswith(b"message-id:")]
    assert len(ids) == len(set(ids))
    return len(ids)
