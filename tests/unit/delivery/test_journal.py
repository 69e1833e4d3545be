"""The crash journal: what a dead worker's file says, also when it was cut short."""

import fcntl
import subprocess
import sys
from pathlib import Path
from typing import IO
from uuid import UUID, uuid4

import pytest

from mailer.delivery import journal
from mailer.delivery.journal import Journal, JournalUnwritable
from mailer.delivery.ledger import Outcome
from mailer.smtp.replies import DeliveryState
from tests.support.make import EPOCH

ISSUE = uuid4()


def _row(position: int, state: DeliveryState, reply: str | None = None) -> Outcome:
    return Outcome(ISSUE, position, 1, state, EPOCH, 1, 0, 250 if reply else None, "", reply or "")


def _read(folder: Path) -> list[journal.AbandonedJournal | None]:
    found = []
    for path in journal.files(folder):
        with journal.abandoned(path) as abandoned:
            found.append(abandoned)
    return found


def test_the_last_word_on_each_row_is_read(tmp_path: Path) -> None:
    pen = Journal(tmp_path, uuid4())
    pen.write(_row(1, DeliveryState.UNKNOWN))
    pen.write(_row(2, DeliveryState.UNKNOWN))
    pen.write(_row(1, DeliveryState.ACCEPTED, "2.0.0 «Reçu»"))
    pen.close()
    (abandoned,) = _read(tmp_path)
    assert abandoned
    assert abandoned.same_boot
    assert abandoned.last == {
        (ISSUE, 1): _row(1, DeliveryState.ACCEPTED, "2.0.0 «Reçu»"),
        (ISSUE, 2): _row(2, DeliveryState.UNKNOWN),
    }
    assert journal.files(tmp_path) == []


def test_a_living_worker_s_is_left_alone(tmp_path: Path) -> None:
    pen = Journal(tmp_path, uuid4())
    assert _read(tmp_path) == [None]
    assert journal.files(tmp_path) == [pen.path]
    pen.close()


def test_it_survives_a_kill(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from uuid import UUID
from mailer.delivery.journal import Journal
from tests.unit.delivery.test_journal import _row
from tests.unit.delivery.test_journal import DeliveryState
pen = Journal(Path({str(tmp_path)!r}), UUID(int=7))
pen.write(_row(3, DeliveryState.UNKNOWN))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    (abandoned,) = _read(tmp_path)
    assert abandoned
    assert abandoned.worker == UUID(int=7)
    assert [position for _, position in abandoned.last] == [3]


def test_a_line_cut_short_never_happened(tmp_path: Path) -> None:
    pen = Journal(tmp_path, uuid4())
    pen.write(_row(1, DeliveryState.UNKNOWN))
    pen.close()
    whole = pen.path.read_bytes()
    pen.path.write_bytes(whole + whole.splitlines(keepends=True)[-1][:-5])
    (abandoned,) = _read(tmp_path)
    assert abandoned
    assert list(abandoned.last) == [(ISSUE, 1)]


def test_after_a_restart_of_the_machine_it_says_so(tmp_path: Path) -> None:
    pen = Journal(tmp_path, uuid4())
    pen.close()
    pen.path.write_text(pen.path.read_text().replace(journal.boot_id(), "another-boot"))
    (abandoned,) = _read(tmp_path)
    assert abandoned
    assert not abandoned.same_boot


def test_a_full_disk_lets_nothing_begin_then_or_later(tmp_path: Path) -> None:
    code = f"""
import resource, signal
from pathlib import Path
from uuid import UUID
from mailer.delivery.journal import Journal, JournalUnwritable
from tests.unit.delivery.test_journal import _row
from tests.unit.delivery.test_journal import DeliveryState
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
pen = Journal(Path({str(tmp_path)!r}), UUID(int=7))
size = pen.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 110, resource.RLIM_INFINITY))
written = 0
for position in (1, 2, 3):
    try:
        pen.write(_row(position, DeliveryState.UNKNOWN))
        written += 1
    except JournalUnwritable as error:
        print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(written)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second, written = done.stdout.splitlines()
    assert "cannot be written" in first
    assert "cannot be written" in second
    assert written == "1"
    (abandoned,) = _read(tmp_path)
    assert abandoned
    assert [position for _, position in abandoned.last] == [1]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalUnwritable, match="cannot be written"):
        Journal(tmp_path / "file" / "journal", uuid4())


def test_of_two_who_recover_one_has_it_and_the_other_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other saw the file in the folder, or even opened it, before the first had done with it."""
    pen = Journal(tmp_path, uuid4())
    pen.write(_row(3, DeliveryState.UNKNOWN))
    pen.close()
    [path] = journal.files(tmp_path)
    real = fcntl.flock

    def flock(file: IO[bytes], how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", real)
        with journal.abandoned(path) as abandoned:
            assert abandoned
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    for _ in range(2):  # opened too early; gone
        with journal.abandoned(path) as abandoned:
            assert abandoned is None
