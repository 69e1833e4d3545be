"""`mailer init`: the file it writes works as it is written, and each answer is tried."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mailer.cli.init import REQUIRED
from mailer.core import settings as configuration
from mailer.core.settings import Settings
from tests.conftest import IDENTITY
from tests.support.commands import mailer
from tests.support.sink import running_sink

BARE = {name: value for name, value in os.environ.items() if not name.startswith("MAILER_")}
AWKWARD = {
    "controller_name": "L’asso d'été \\ \"Zoé\" # 1", "controller_address": "1 rue X, 59000 Lille",
    "recipients": "a b; \"c\" $d",
}  # fmt: skip


def _sets(values: Mapping[str, str]) -> list[str]:
    return [part for name, value in values.items() for part in ("--set", f"{name}={value}")]


def _loaded(file: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("MAILER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MAILER_ENV_FILE", str(file))
    return configuration.load()


def test_the_file_holds_what_was_given_whatever_its_signs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = mailer("init", *_sets(IDENTITY | AWKWARD), env=BARE, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "complete" not in done.stdout
    found = _loaded(tmp_path / "mailer.env", monkeypatch)
    assert {name: getattr(found, name) for name in AWKWARD} == AWKWARD
    assert found.relay_url == IDENTITY["MAILER_RELAY_URL"]


def test_every_default_that_the_file_shows_is_what_it_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailer("init", *_sets(IDENTITY), env=BARE, cwd=tmp_path)
    file = tmp_path / "mailer.env"
    before = _loaded(file, monkeypatch)
    file.write_text(re.sub(r"^#(MAILER_)", r"\1", file.read_text(), flags=re.MULTILINE))
    assert file.read_text().count("\nMAILER_") == len(Settings.model_fields)
    assert "Undefined" not in file.read_text()
    assert _loaded(file, monkeypatch) == before


def test_what_lacks_is_marked_and_counted(tmp_path: Path) -> None:
    done = mailer("init", "--set", "relay_url=smtp://relay.example.org:25", env=BARE, cwd=tmp_path)
    assert f"complete {len(REQUIRED) - 1} lines marked REQUIRED" in done.stdout
    assert (tmp_path / "mailer.env").read_text().count("# REQUIRED.") == len(REQUIRED) - 1
    assert (tmp_path / "mailer.env").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("colour=blue", "colour is no setting"),
        ("theme", "KEY=VALUE"),
        ("dpo_email=nobody", "MAILER_DPO_EMAIL: must be one email address"),
        ("public_url=letters.example.org", "must start with https://"),
        ("recipients=${HOME}", "set this one in the environment"),
    ],
)
def test_a_value_that_cannot_be_used_writes_nothing(pair: str, said: str, tmp_path: Path) -> None:
    done = mailer("init", "--set", pair, env=BARE, cwd=tmp_path)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_in_a_terminal_it_asks_and_tries_each_answer(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_sink() as sink:
        answers = {
            "MAILER_DATABASE_URL": ["postgresql://mailer:x@127.0.0.1:1/x", "n", settings.database_url or ""],
            "MAILER_REDIS_URL": [settings.redis_url or ""],
            "MAILER_RELAY_URL": ["relay.example.org", "smtp://127.0.0.1:1", "n", sink.url],
        }  # fmt: skip
        typed = [line for name in ("MAILER_DATABASE_URL", "MAILER_REDIS_URL") for line in answers[name]]
        typed += [
            line
            for name in REQUIRED
            for line in answers.get(f"MAILER_{name.upper()}", [IDENTITY[f"MAILER_{name.upper()}"]])
        ]
        said = _typed(typed, tmp_path)
    assert "must look like smtp://user:password@relay.example.org:587" in said
    assert "WRONG: nothing listens at 127.0.0.1:1" in said
    assert "WRONG: PostgreSQL cannot be reached: nothing listens at 127.0.0.1:1" in said
    assert "ok: PostgreSQL" in said
    found = _loaded(tmp_path / "mailer.env", monkeypatch)
    assert (found.relay_url, found.host_name) == (sink.url, IDENTITY["MAILER_HOST_NAME"])


def _typed(lines: list[str], folder: Path) -> str:
    """Run it in a terminal whose keyboard is these lines; what it said on standard error."""
    keyboard, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mailer.cli", "init"], stdin=terminal, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd=folder, env=BARE, text=True,
    )  # fmt: skip
    os.close(terminal)
    os.write(keyboard, "".join(f"{line}\n" for line in lines).encode())
    _, said = process.communicate()
    os.close(keyboard)
    assert process.returncode == 0, said
    return said
