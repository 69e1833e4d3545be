"""The privacy log goes with the last backup that may need it; what is left is as sealed as before."""

import errno
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from mailer.backup import fold, prune_log
from mailer.backup.fold import LogMissing
from mailer.core import appendonly, audit
from mailer.core.db import transaction, utcnow
from mailer.core.restore_lock import Restoration
from mailer.core.settings import Settings
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision, LogDamaged, LogUnwritable, Position
from mailer.privacylog.models import HostPosition
from mailer.subscribers import subscriptions
from mailer.subscribers.models import Subscriber
from tests.support.commands import facts
from tests.support.fresh_database import fresh_database
from tests.support.make import EPOCH, erase, make_newsletter, make_pending

pytestmark = pytest.mark.usefixtures("clean")
NOW, DAY = utcnow(), timedelta(days=1)
OLD, KEPT = 60, 20  # days ago
Write = Callable[..., None]


@pytest.fixture
def write(monkeypatch: pytest.MonkeyPatch) -> Write:
    """Lines of somebody's, so many days ago, on this machine or another."""

    def write(ago: float, lines: int = 1, host: str = "first") -> None:
        monkeypatch.setattr(appendonly, "host", lambda: host)
        monkeypatch.setattr(decisions, "utcnow", lambda: NOW - ago * DAY)
        for _ in range(lines):
            with transaction() as db:
                decisions.write(db, Decision.ERASURE, uuid4().bytes * 2)

    return write


def _backup(ago: float, what: str = prune_log.WRITTEN) -> None:
    with transaction() as db:
        audit.record(db, who=audit.TERMINAL, what=what, details={}, now=NOW - ago * DAY)


def _prune() -> int:
    with transaction() as db:
        due, done = prune_log.due(db, NOW), prune_log.prune(db, NOW)
    assert due == done
    return done


def _ends(host: str = "first") -> list[Position]:
    return [end for _, end in decisions.read(_file(host))]


def _file(host: str = "first") -> Path:
    return decisions.folder() / f"{host}{appendonly.SUFFIX}"


def _positions() -> Mapping[str, tuple[int, str]]:
    """As a backup made now would know them."""
    with transaction() as db:
        return {each.host: (each.size, each.seal) for each in db.scalars(select(HostPosition))}


def test_what_every_kept_backup_holds_goes_and_the_rest_is_where_it_was(write: Write) -> None:
    write(OLD, 3)
    write(KEPT + 0.5, 2)  # within a day before: two machines' clocks may differ
    before, whole = _ends(), _file().stat().st_size
    backup = _positions()
    _backup(KEPT)
    write(10, 2)
    assert _prune() == 3
    assert _ends()[:2] == before[3:]
    assert _file().stat().st_size < whole
    assert _prune() == 0
    assert len(fold.collect(backup, {}).lines) == 2
    assert fold.collect(_positions(), {}).lines == []


def test_lines_go_on_after_a_pruning_as_if_nothing_had_gone(write: Write) -> None:
    write(OLD, 3)
    _backup(KEPT)
    assert _prune() == 3
    assert _ends() == []
    write(10, 2)
    assert _positions() == {"first": (_ends()[-1].size, _ends()[-1].seal)}
    write(1)
    assert len(_ends()) == 3
    assert [path.suffix for path in decisions.folder().iterdir()] == [appendonly.SUFFIX]


def test_an_older_backup_is_refused_afterwards(write: Write) -> None:
    write(OLD)
    backup = _positions()
    write(OLD - 1)
    _backup(KEPT)
    assert _prune() == 2
    for positions in (backup, {}):  # nor one that knows of no such machine
        with pytest.raises(LogMissing):
            fold.collect(positions, {})


def test_nothing_goes_while_nobody_knows_what_may_be_restored(
    write: Write, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(OLD)
    assert _prune() == 0
    _backup(KEPT, "backup")  # it failed
    _backup(OLD)  # no longer kept
    assert _prune() == 0
    _backup(KEPT)
    with monkeypatch.context() as patch:
        short = settings.model_copy(update={"audit_days": 90, "backup_days": 90})
        patch.setattr(prune_log, "settings", lambda: short)
        assert _prune() == 0
    with transaction() as db:  # what was restored is a backup that may be restored again
        db.add(Restoration(at=NOW, backed_up_at=NOW - 30 * DAY, positions={}, armed_at=NOW))
    write(25)
    assert _prune() == 1


def test_every_machine_s_file_is_pruned(write: Write) -> None:
    write(OLD, host="first")
    write(OLD, 2, host="second")
    _backup(KEPT)
    assert _prune() == 3
    assert _ends("first") == _ends("second") == []


@pytest.mark.parametrize("harm", ["size", "name", "seal"])
def test_where_a_pruned_file_begins_is_sealed_too(write: Write, harm: str) -> None:
    write(OLD)
    _backup(KEPT)
    _prune()
    words = _file().read_text().split(" ")
    changed = {"size": [words[0], "1", *words[2:]], "name": words, "seal": [*words[:3], f"{'0' * 64}\n"]}[
        harm
    ]
    path = _file("other") if harm == "name" else _file()
    path.write_text(" ".join(changed))
    with pytest.raises(LogDamaged):
        list(decisions.read(path))


def test_a_full_disk_leaves_the_file_whole(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(OLD)
    before = _file().read_bytes()
    _backup(KEPT)

    def full(file: int, text: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(appendonly, "_write", full)
    with pytest.raises(LogUnwritable), transaction() as db:
        prune_log.prune(db, NOW)
    assert _file().read_bytes() == before


def test_a_backup_is_restored_from_a_pruned_log(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(decisions, "utcnow", lambda: NOW - OLD * DAY)
        with transaction() as db:
            pending = make_pending(db, make_newsletter(db), now=EPOCH)
            subscriptions.confirm(db, pending.id, now=EPOCH)
    public = facts("restore", "key", "--out", str(tmp_path / "key.txt"))["public_key"]
    backup = facts("backup", "--out", str(tmp_path / "b"), "--recipient-key", public)["file"]
    pruned = {row["rule"]: row["rows"] for row in facts("retention", "run")}
    assert pruned["privacylog"] == 1
    with transaction() as db:
        erase(db, "zoe@example.org", never_again=False, now=utcnow())
    with fresh_database(settings):
        facts("restore", backup, "--key-file", str(tmp_path / "key.txt"))
        assert facts("restore", "replay", "--yes")["erased"] == 1
        with transaction() as db:
            assert db.scalar(select(func.count()).select_from(Subscriber)) == 0
