"""What is for one reader is theirs alone, whatever was there before."""

import stat
from pathlib import Path

import pytest

from mailer.core import private_file


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_its_owners_alone_also_one_that_others_could_read(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_text("a longer content than the next")
    old.chmod(0o644)
    for path in (new, old):
        private_file.write(path, "é")
        assert (_mode(path), path.read_bytes()) == (0o600, "é".encode())


def test_what_is_no_file_stays_as_it_is() -> None:
    before = _mode(Path("/dev/null"))
    private_file.write(Path("/dev/null"), b"x")
    assert _mode(Path("/dev/null")) == before


def test_a_new_file_replaces_none(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("kept")
    with pytest.raises(FileExistsError):
        private_file.opened(tmp_path / "key", "x")
    assert (tmp_path / "key").read_text() == "kept"
