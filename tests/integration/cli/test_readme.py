"""What the README tells its reader to type works as it is written, on servers of one's own."""

import os
import re
import shlex
import shutil
from pathlib import Path

from mailer.core.paths import templates_dir
from mailer.core.settings import Settings
from tests.conftest import IDENTITY
from tests.support.commands import mailer
from tests.support.fresh_database import fresh_database
from tests.support.sink import running_sink

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
TYPED = [
    shlex.split(line, comments=True)[1:]
    for line in re.findall(r"^ {4}(\.venv/bin/mailer .*)", README, re.MULTILINE)
]
PEOPLE = "email;name;consented_at\nann@example.org;Ann;2026-01-15\n"


def _type(words: list[str], given: dict[str, str], folder: Path, issue: str) -> str:
    """Type one of its lines; what only a terminal would be asked is given on the line."""
    more: dict[str, list[str]] = {
        "init": [part for name, value in given.items() for part in ("--set", f"{name}={value}")],
        "staff": ["--password-stdin"],
        "issue": ["--json", "--accept-warnings"] if words[1:2] == ["schedule"] else ["--json"],
    }
    words = [issue if word == "0b9a8f60" else word for word in words]
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MAILER_")}
    done = mailer(*words, *more.get(words[0], []), input="quatre mots bien choisis\n", env=bare, cwd=folder)
    assert done.returncode == 0, f"mailer {shlex.join(words)}: {done.stdout} {done.stderr}"
    return done.stdout


def test_the_readme_is_typed_from_an_empty_folder_to_a_scheduled_issue(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    shutil.copytree(templates_dir() / "examples" / "lettre", tmp_path, dirs_exist_ok=True)
    with fresh_database(settings) as fresh, running_sink() as sink:
        given = IDENTITY | {"MAILER_RELAY_URL": sink.url, "MAILER_DATABASE_URL": fresh.database_url or "",
                            "MAILER_REDIS_URL": settings.redis_url or ""}  # fmt: skip
        issue = ""
        for words in TYPED:
            if "--follow" in words or words[:2] == ["issue", "certificate"]:
                continue  # of an issue that has left
            said = _type(words, given, tmp_path, issue)
            if words[:2] == ["issue", "import"]:
                issue = re.findall(r"[0-9a-f]{8}", said)[0]
    assert [words[0] for words in TYPED[:6]] == ["init", "db", "doctor", "newsletter", "staff", "subscribers"]
