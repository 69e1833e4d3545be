"""An issue from the terminal: what is found is said, and what cannot be undone is asked about."""

import json
from pathlib import Path
from typing import Any

import pytest

from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings
from mailer.delivery import audience
from mailer.issues.models import Issue
from mailer.newsletters import newsletters
from tests.support.commands import facts, mailer
from tests.support.make import import_people, make_newsletter, make_readers, make_scheduled_issue

pytestmark = pytest.mark.usefixtures("clean")
FILES = Path(__file__).parents[2] / "unit" / "issues" / "files"
AT = ("--at", "2099-12-01 08:00")
CLEAN = """
newsletter: lettre
number: "Numéro 7"
title: "Sans faute"
subject: '{{ name | "lecteur" }}, votre lettre'
preheader: "{{ greeting }} voici la lettre"
blocks:
  - {kind: masthead, title: La lettre}
  - {kind: heading, text: 'Pour {{ name | "vous" }}'}
  - {kind: text, text: 'Voici [le site de la ville](https://www.exemple.fr/).'}
  - kind: colophon
    lines: [{role: Direction, names: Léa}]
"""


@pytest.fixture(autouse=True)
def newsletter(settings: Settings, clean: None) -> None:
    with transaction() as db:
        make_readers(db, make_newsletter(db), 3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lettre.yaml"
    path.write_text(CLEAN, encoding="utf-8")
    return path


def imported(path: Path) -> dict[str, Any]:
    made: dict[str, Any] = facts("issue", "import", str(path))
    return made


def state(issue_id: str) -> str:
    return str(facts("issue", "status", issue_id)["state"])


def test_an_import_says_what_the_checks_find() -> None:
    done = mailer("issue", "import", str(FILES / "bom-crlf.yaml"))
    assert done.returncode == 0
    assert "warning: There is no colophon" in done.stderr
    made = imported(FILES / "smallimg.yaml")
    assert [(found["level"], found["code"], found["where"]) for found in made["findings"]] == [
        ("warning", "no_main_title", ""),
        ("warning", "markup_in_line", "blocks[0].image.alt"),
        ("warning", "picture_width", "blocks[0].image"),
    ]


@pytest.mark.parametrize("name", ["links", "merge2", "text"])
def test_a_file_that_would_be_received_wrong_is_refused_with_every_fault(name: str) -> None:
    done = mailer("issue", "import", str(FILES / f"{name}.yaml"))
    assert done.returncode == 1
    lines = done.stderr.strip().splitlines()
    assert len(lines) >= 6
    assert all(f"{name}.yaml, line " in line for line in lines)
    assert facts("issue", "list") == []


def test_an_error_stops_a_schedule_in_one_sentence(file: Path) -> None:
    file.write_text(CLEAN.replace("https://www.exemple.fr/", "/page"), encoding="utf-8")
    made = imported(file)
    assert [found["code"] for found in made["findings"]] == ["link_relative"]
    done = mailer("issue", "schedule", made["id"], *AT, "--accept-warnings")
    assert done.returncode == 1
    assert (
        "this issue is not ready: The link “le site de la ville” (/page): the address is relative"
        in done.stderr
    )
    assert state(made["id"]) == "draft"


def test_warnings_are_shown_and_have_to_be_accepted(file: Path) -> None:
    file.write_text(CLEAN.partition("  - kind: colophon")[0], encoding="utf-8")
    issue_id = imported(file)["id"]
    asked = mailer("issue", "schedule", issue_id, *AT)
    assert asked.returncode == 1
    assert "warning: There is no colophon" in asked.stderr
    assert "Warning 1 of 1 (no_colophon): schedule this issue all the same?" in asked.stderr
    assert "--accept-warnings" in asked.stderr
    assert state(issue_id) == "draft"
    accepted = mailer("issue", "schedule", issue_id, *AT, "--accept-warnings", "--json")
    assert "warning: There is no colophon" in accepted.stderr
    assert json.loads(accepted.stdout)["acknowledged"] == ["no_colophon"]
    facts("issue", "unschedule", issue_id)
    assert (
        facts("issue", "schedule", issue_id, *AT)["state"] == "scheduled"
    )  # it was read, of the same content


def test_nothing_to_warn_of_is_scheduled_at_once(file: Path) -> None:
    assert facts("issue", "schedule", imported(file)["id"], *AT)["state"] == "scheduled"


def test_who_it_would_go_to_is_asked_about_when_that_is_odd(file: Path) -> None:
    with transaction() as db:
        newsletter = newsletters.newsletter(db, "lettre")
        assert newsletter
        sent = make_scheduled_issue(db, newsletter)
        audience.freeze(db, sent.id, now=utcnow())
        db.flush()
        issue = db.get_one(Issue, sent.id)
        issue.candidates, issue.audience = 7, 7
        import_people(db, newsletter, ["stranger@example.org", "other@example.org"])
    done = mailer("issue", "schedule", imported(file)["id"], *AT)
    assert done.returncode == 1
    assert "would go to 3 recipients, less than half of the last one (7)" in done.stderr
    assert "will not receive this issue before it: 2" in done.stderr
    assert "Warning 1 of 2 (audience_fell)" in done.stderr
    waits = mailer("issue", "schedule", imported(file)["id"], *AT, "--after-introductions")
    assert "Warning 1 of 1 (audience_fell)" in waits.stderr


def test_a_preview_is_what_is_received(file: Path, tmp_path: Path) -> None:
    written = facts("issue", "preview", imported(file)["id"], "--out", str(tmp_path / "out"))
    page, text, message = (Path(written[kind]).read_text(encoding="utf-8") for kind in ("html", "txt", "eml"))
    for part in (page, text):
        assert not any("\ue000" <= sign <= "\uf8ff" for sign in part)
        assert "unsubscribe_url" not in part
        assert "/u/" in part
    assert "Pour Camille Dupont" in page
    assert "POUR Camille Dupont" in text
    assert ">Bonjour Camille Dupont, voici la lettre&#847;&#8204;&#160;" in page
    assert "Subject: Camille Dupont, votre lettre" in message


def test_a_draft_is_edited_and_deleted_and_carries_its_number(file: Path) -> None:
    issue_id = imported(FILES / "bom-crlf.yaml")["id"]
    edited = facts("issue", "edit", issue_id, str(file))
    assert (edited["number"], edited["title"], edited["findings"]) == ("Numéro 7", "Sans faute", [])
    assert [(row["id"], row["number"]) for row in facts("issue", "list")] == [(issue_id, "Numéro 7")]
    assert mailer("issue", "delete", issue_id).returncode == 1
    assert facts("issue", "delete", issue_id, "--yes")["deleted"] is True
    assert facts("issue", "list") == []


def test_an_issue_is_taken_back_paused_resumed_and_cancelled(file: Path) -> None:
    issue_id = imported(file)["id"]
    facts("issue", "schedule", issue_id, *AT)
    refused = mailer("issue", "edit", issue_id, str(file))
    assert (refused.returncode, "this issue is scheduled" in refused.stderr) == (1, True)
    assert facts("issue", "unschedule", issue_id) == {"id": issue_id, "state": "draft", "due_at": None}
    facts("issue", "schedule", issue_id, "--now")
    with transaction() as db:
        audience.freeze(db, db.get_one(Issue, issue_id).id, now=utcnow())
    assert facts("issue", "pause", issue_id)["state"] == "paused"
    assert facts("issue", "resume", issue_id)["state"] == "sending"
    assert "for good?" in mailer("issue", "cancel", issue_id).stderr
    assert state(issue_id) == "sending"
    assert facts("issue", "cancel", issue_id, "--yes")["state"] == "cancelled"
    again = mailer("issue", "resume", issue_id)
    assert (again.returncode, "this issue is cancelled" in again.stderr) == (1, True)
    assert json.loads(mailer("issue", "status", issue_id, "--json").stdout)["audience"] == 3
