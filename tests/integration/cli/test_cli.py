"""The `mailer` command as one types it, in processes of its own, on the tests' servers."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.paths import templates_dir
from mailer.core.settings import Settings
from mailer.staff import sessions
from mailer.staff.sessions import LoggedIn
from tests.support.commands import facts, mailer

pytestmark = pytest.mark.usefixtures("clean")
LETTER = str(templates_dir() / "examples" / "lettre" / "lettre.yaml")
SOME_ID = "0b9a8f60-0000-4000-8000-000000000000"


@pytest.fixture
def newsletter(settings: Settings) -> str:
    given = ("--slug", "lettre", "--name", "La lettre")
    return str(facts("newsletter", "create", *given)["slug"])


def test_from_a_file_to_a_scheduled_issue(newsletter: str, tmp_path: Path) -> None:
    issue_id = facts("issue", "import", LETTER)["id"]
    written = facts("issue", "preview", issue_id, "--out", str(tmp_path / "out"))
    assert Path(written["html"]).read_text().startswith("<!doctype html>")
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in Path(written["eml"]).read_bytes()
    at = ("issue", "schedule", issue_id[:8], "--at", "2099-12-01 08:00")
    scheduled = facts(*at, "--accept-warnings")
    assert scheduled["due_at"] == "2099-12-01T08:00+01:00"
    again = mailer("issue", "schedule", issue_id, "--now")
    assert "this issue is scheduled" in again.stderr
    status = facts("issue", "status", issue_id)
    assert (status["state"], status["audience"]) == ("scheduled", 0)
    assert [row["id"] for row in facts("issue", "list")] == [issue_id]


def test_a_newsletter_shows_what_it_was_given(settings: Settings) -> None:
    given = ("--slug", "bulletin", "--name", "Bulletin", "--theme", "dsfr", "--legal-basis", "public_task")
    created = facts("newsletter", "create", *given)
    assert facts("newsletter", "list") == [created]
    assert (created["theme"], created["legal_basis"]) == ("dsfr", "public_task")


def test_an_account_for_the_desk(settings: Settings) -> None:
    given = ("staff", "create", "--email", "lea@example.org", "--name", "Léa", "--password-stdin")
    assert facts(*given, input="quatre mots bien choisis\n")["email"] == "lea@example.org"
    again = mailer(*given, input="quatre mots bien choisis\n")
    assert again.returncode == 1
    assert "An account already exists" in again.stderr


def test_an_account_is_looked_after(settings: Settings) -> None:
    given = ("staff", "create", "--email", "max@example.org", "--name", "Max", "--password-stdin")
    refused = mailer(*given, input="azertyuiop123\n")
    assert refused.returncode == 1
    assert "easy to guess" in refused.stderr
    created = facts(*given, input="quatre mots bien choisis\n")
    with transaction() as db:
        opened = sessions.start(db, UUID(created["id"]), epoch=0, browser="", now=utcnow())
    change = ("staff", "password", " MAX@example.org", "--password-stdin")
    assert mailer(*change, input="max@example.org\n").returncode == 1
    assert _opens(opened)
    assert mailer(*change, input="un tout autre choix de mots\n").returncode == 0
    assert not _opens(opened)
    assert mailer("staff", "disable", "max@example.org").returncode == 0
    listed = {row["email"]: row["disabled"] for row in facts("staff", "list")}
    assert listed["max@example.org"]
    assert mailer("staff", "enable", "max@example.org").returncode == 0
    assert {row["email"]: row["disabled"] for row in facts("staff", "list")}["max@example.org"] is None
    nobody = mailer("staff", "disable", "nobody@example.org")
    assert (nobody.returncode, "mailer staff list" in nobody.stderr) == (1, True)
    with transaction() as db:
        who = [
            each.what
            for each in db.scalars(select(Audit).order_by(Audit.id))
            if each.details == {"staff": created["id"]}
        ]
    assert who == ["staff create", "staff password", "staff disable", "staff enable"]


def _opens(session: LoggedIn | None) -> bool:
    assert session
    with transaction() as db:
        return sessions.resume(db, session.secret, now=utcnow()) is not None


def _report(*arguments: str) -> Any:
    """Of an import in which a row is refused: the others are in, and the exit code says so."""
    done = mailer(*arguments, "--json")
    assert done.returncode == 1
    return json.loads(done.stdout)


def test_importing_people(newsletter: str, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email,name,consented_at\nzoe@example.org,Zoé,2026-01-02\nnobody,,2026-01-02\n")
    given = ("subscribers", "import", str(file), "--newsletter", newsletter, "--source", "salon de janvier")
    assert _report(*given, "--dry-run")["new"] == 1
    report = _report(*given, "--report", str(tmp_path / "report.csv"))
    assert (report["read"], report["new"], report["refused"]) == (2, 1, 1)
    assert report["seconds"] >= 0
    assert report["peak_mb"] > 0
    lines = (tmp_path / "report.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines == ["line,outcome,reason", "2,new,", "3,refused,not an email address"]
    assert _report(*given)["known"] == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("issue", "import", "{bad}"), "line 2"),
        (("issue", "import", "{unknown}"), "unknown kind of block"),
        (("issue", "import", LETTER), "no newsletter is called lettre"),
        (("issue", "status", SOME_ID), "no issue has an identifier"),
        (("issue", "schedule", SOME_ID), "say when"),
        (("issue", "schedule", SOME_ID, "--at", "demain"), "is not a date and time"),
        (("issue", "schedule", SOME_ID, "--at", "2099-10-25 02:30"), "--turn first, or --turn second"),
        (("newsletter", "create", "--slug", "Été", "--name", "x"), "a slug is small letters"),
        (
            ("subscribers", "import", "{bad}", "--newsletter", "x", "--source", "y"),
            "no newsletter is called x",
        ),
    ],
)
def test_bad_input_is_one_sentence(arguments: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    bad, unknown = tmp_path / "bad.yaml", tmp_path / "unknown.yaml"
    bad.write_text("newsletter: lettre\n  title: [\n")
    unknown.write_text(
        "newsletter: l\ntitle: t\nsubject: s\npreheader: p\nblocks:\n  - kind: hologram\n", encoding="utf-8"
    )
    done = mailer(*(each.format(bad=bad, unknown=unknown) for each in arguments))
    assert done.returncode in {1, 2}
    assert sentence in done.stderr
    assert "Tuple" not in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_settings_are_named(tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MAILER_")}
    done = mailer("newsletter", "list", env=bare, cwd=tmp_path)
    assert done.returncode == 1
    assert "MAILER_RELAY_URL is not set" in done.stderr
    assert "mailer init" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away_is_named(settings: Settings) -> None:
    away = os.environ | {"MAILER_DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/nothing"}
    done = mailer("newsletter", "list", env=away)
    assert done.returncode == 1
    assert "PostgreSQL cannot be reached" in done.stderr


def test_a_data_folder_that_depends_on_where_one_stands_is_refused(
    settings: Settings, tmp_path: Path
) -> None:
    done = mailer(
        "suppression", "add", "zoe@example.org", env=os.environ | {"MAILER_DATA_DIR": "var"}, cwd=tmp_path
    )
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "MAILER_DATA_DIR" in done.stderr


def test_init_writes_a_file_once(tmp_path: Path) -> None:
    assert mailer("init", cwd=tmp_path).returncode == 0
    assert (tmp_path / "mailer.env").stat().st_mode & 0o077 == 0
    assert f"\nMAILER_DATA_DIR={tmp_path}/var\n" in (tmp_path / "mailer.env").read_text()
    assert "exists already" in mailer("init", cwd=tmp_path).stderr


def test_the_notices_are_written_to_be_read_over(settings: Settings, tmp_path: Path) -> None:
    written = facts("notices", "preview", "--out", str(tmp_path), "--theme", "dsfr")
    assert {"confirmation-fr", "preferences-en"} < {each["notice"] for each in written}
    assert "#000091" in (tmp_path / "welcome-fr.html").read_text()
    assert (tmp_path / "welcome-fr.eml").read_bytes().startswith(b"From: ")


def test_themes_and_bases_are_called_as_documented(settings: Settings) -> None:
    given = ("--slug", "etat", "--name", "État", "--theme", "dsfr", "--legal-basis", "public_task")
    made = facts("newsletter", "create", *given)
    assert (made["theme"], made["legal_basis"]) == ("dsfr", "public_task")


def test_a_newsletter_is_edited(newsletter: str) -> None:
    given = ("--accent", "#7C2D92", "--footer", "Une ligne.\nDeux.", "--rubric", "article:À la une")
    edited = facts("newsletter", "edit", newsletter, *given)
    assert edited["accent"] == "#7c2d92"
    assert set(edited["changed"].split(", ")) == {"accent", "footer", "rubrics"}
    assert facts("newsletter", "edit", newsletter, *given)["changed"] == ""
    assert facts("newsletter", "edit", newsletter, "--rubric", "")["changed"] == "rubrics"


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--slug", "autre", "the slug does not change"),
        ("--return-path-domain", "autre.example.org", "the return-path domain does not change"),
        ("--accent", "#ff9900", "accent: the contrast is 2.04 to 1"),
        ("--reply-to", "moi", "moi is not an email address"),
        ("--rubric", "iframe:x", "iframe is not a kind of block"),
    ],
)
def test_what_a_newsletter_cannot_become_is_explained(
    newsletter: str, option: str, value: str, says: str
) -> None:
    done = mailer("newsletter", "edit", newsletter, option, value)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
