"""What commands write is for its owner alone, whatever the umask of who starts them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mailer.core.settings import Settings
from tests.support.commands import facts


@pytest.mark.usefixtures("clean")
def test_what_is_written_is_for_its_owner_alone(settings: Settings, tmp_path: Path) -> None:
    facts("newsletter", "create", "--slug", "lettre", "--name", "La lettre")
    people = tmp_path / "people.csv"
    people.write_text("email,consented_at\nzoe@example.org,2024-01-02\nbad,2024-01-02\n")
    out = tmp_path / "out"
    out.mkdir(mode=0o755)
    for words in (
        ("rgpd", "report", "--out", out / "report"),
        ("notices", "preview", "--out", out / "notices"),
        ("subscribers", "import", people, "--newsletter", "lettre", "--source", "salon", "--report",
         out / "rows.csv"),
        ("subscribers", "export", "--newsletter", "lettre", "--out", out / "export.csv"),
        ("suppression", "export", "--out", out / "suppressed.csv"),
        ("rights", "export", "--out", out / "register.csv"),
    ):  # fmt: skip
        _run(*map(str, words))
    written = list(out.rglob("*"))
    assert len(written) > 10
    assert [path.name for path in written if path.stat().st_mode & 0o077] == []


def _run(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mailer.cli", *words], umask=0o022, env=dict(os.environ), check=False,
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Usage" not in done.stderr, done.stderr
