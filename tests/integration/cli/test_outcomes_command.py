"""`mailer outcomes classify`: one line of JSON a file, whatever the file, and nothing else is needed."""

import json
import os
from pathlib import Path
from uuid import UUID

import pytest

from mailer.core.settings import Settings
from mailer.core.tokens import Purpose, issue_delivery
from tests.support import commands
from tests.unit.outcomes.corpus.case import US
from tests.unit.outcomes.corpus.formats import postfix


@pytest.fixture
def bounce(tmp_path: Path) -> Path:
    file = tmp_path / "bounce.eml"
    file.write_bytes(postfix("zoe@example.com", "550 5.1.1 <zoe@example.com>: User unknown"))
    return file


def test_each_file_has_its_line(tmp_path: Path, bounce: Path, settings: Settings) -> None:
    token = issue_delivery(Purpose.RETURN_PATH, UUID(int=7), 12)
    ours = tmp_path / "ours.eml"
    ours.write_bytes(bounce.read_bytes().replace(US.encode(), f"b-{token}@retour.example.org".encode()))
    (tmp_path / "empty.eml").touch()
    files = [str(file) for file in (bounce, ours, tmp_path / "empty.eml")]
    done = commands.mailer("outcomes", "classify", *files, "--json")
    assert done.returncode == 0, done.stderr
    first, second, third = (json.loads(line) for line in done.stdout.splitlines())
    told = [{"address": "zoe@example.com", "verdict": "hard", "status": "5.1.1", "code": 550}]
    rule = "delivery-status/no-mailbox"
    assert first == {"file": files[0], "kind": "bounce", "recipients": told, "ours": None, "rule": rule}
    assert second == first | {"file": files[1], "ours": {"delivery": f"{UUID(int=7).hex}/12"}}
    assert third["kind"] == "other"


def test_it_needs_no_settings(tmp_path: Path, bounce: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MAILER_")}
    env = bare | {"MAILER_ENV_FILE": str(tmp_path / "none.env")}
    done = commands.mailer("outcomes", "classify", str(bounce), env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{bounce}: bounce: zoe@example.com hard 550 5.1.1 (delivery-status/no-mailbox)\n"


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_read(tmp_path: Path, bounce: Path) -> None:
    done = commands.mailer(
        "outcomes", "classify", str(tmp_path / "missing"), str(tmp_path), str(bounce), "--json"
    )
    assert done.returncode == 1
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [str(bounce)]
    assert done.stderr.splitlines() == [
        f"{tmp_path / 'missing'}: No such file or directory", f"{tmp_path}: Is a directory",
    ]  # fmt: skip
