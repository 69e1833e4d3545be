"""An issue from its file to its approval, on the real database."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.after_commit import Task
from mailer.core.db import transaction, utcnow
from mailer.core.paths import templates_dir
from mailer.core.settings import Settings
from mailer.delivery import load_issue
from mailer.issues import archive, lifecycle, yaml_file
from mailer.issues.models import Approval, Asset, Issue, Revision
from mailer.issues.state_machine import ForbiddenMove, IssueState
from mailer.newsletters import newsletters
from tests.support.make import make_newsletter, make_scheduled_issue

LETTER = templates_dir() / "examples" / "lettre" / "lettre.yaml"


@pytest.fixture
def draft(db: Session) -> Issue:
    make_newsletter(db)
    content, assets = yaml_file.load(LETTER)
    return lifecycle.import_issue(db, content, assets, now=utcnow())


def test_the_letter_is_imported_with_its_images(db: Session, draft: Issue) -> None:
    stored = {asset.sha256 for asset in db.scalars(select(Asset))}
    assert {name.partition(".")[0] for name in draft.assets.values()} == stored
    assert lifecycle.listing(db) == [draft]
    assert archive.listing(db, draft.newsletter).total == 0


def test_an_unknown_newsletter_is_named(db: Session) -> None:
    content, assets = yaml_file.load(LETTER)
    with pytest.raises(newsletters.UnknownNewsletter, match="unknown"):
        lifecycle.import_issue(db, content, assets, now=utcnow())


def test_the_letter_has_nothing_that_stops_it(db: Session, draft: Issue, settings: Settings) -> None:
    found = lifecycle.findings(db, draft, settings, leaves=utcnow())
    assert [finding for finding in found if finding.level == "error"] == []
    assert "demonstration" in {finding.code for finding in found}
    assert all(finding.sentence("fr") != finding.sentence("en") for finding in found)


def test_scheduling_freezes_what_was_approved(db: Session, draft: Issue, settings: Settings) -> None:
    due = utcnow() + timedelta(hours=1)
    lifecycle.schedule(db, draft, due_at=due, approver="terminal", now=utcnow(), settings=settings)
    revision = db.get_one(Revision, draft.revision_id)
    assert draft.state is IssueState.SCHEDULED
    assert db.scalars(select(Approval.revision_id)).all() == [revision.sha256]
    assert lifecycle.rendered(db, draft, settings).html == revision.html
    with pytest.raises(ForbiddenMove):
        lifecycle.schedule(db, draft, due_at=due, approver="terminal", now=utcnow(), settings=settings)
    lifecycle.unschedule(db, draft)
    assert (draft.state, draft.revision_id, draft.due_at) == (IssueState.DRAFT, None, None)


def test_whatever_lets_an_issue_leave_has_a_worker_look_at_once(
    clean: None, settings: Settings, asked_for: list[Task]
) -> None:
    with transaction() as db:
        scheduled = make_scheduled_issue(db, make_newsletter(db))
        lifecycle.unschedule(db, scheduled)
    assert asked_for == []
    with transaction() as db:
        content, assets = yaml_file.load(LETTER)
        draft = lifecycle.import_issue(db, content, assets, now=utcnow())
        lifecycle.schedule(db, draft, due_at=utcnow(), approver="terminal", now=utcnow(), settings=settings)
    assert asked_for == [Task.TICK, Task.ROUTES]
    with transaction() as db:
        sent = db.merge(draft)
        lifecycle.start(sent, candidates=0, audience=0, excluded=0, now=utcnow())
        db.flush()
        lifecycle.pause(db, sent)
    assert asked_for == [Task.TICK, Task.ROUTES]
    with transaction() as db:
        lifecycle.resume(db, db.merge(sent))
    assert asked_for == [Task.TICK, Task.ROUTES, Task.TICK]


def test_what_is_too_heavy_does_not_leave(
    db: Session, draft: Issue, settings: Settings, tmp_path: Path
) -> None:
    blocks = [{"kind": "text", "text": "mot " * 4000, "links": []} for _ in range(8)]
    draft.content = draft.content | {"blocks": draft.content["blocks"] + blocks}
    with pytest.raises(lifecycle.NotReady, match="too_heavy"):
        lifecycle.schedule(db, draft, due_at=utcnow(), approver="terminal", now=utcnow(), settings=settings)
    assert draft.state is IssueState.DRAFT


def test_the_public_page_and_the_sample_hold_no_marker(db: Session, draft: Issue, settings: Settings) -> None:
    page = lifecycle.public_page(db, draft, settings)
    assert "\ue000" not in page
    assert "Bonjour," in page
    message = load_issue.sample(draft, lifecycle.rendered(db, draft, settings), settings, now=utcnow())
    assert b"Bonjour Camille Dupont," in message.replace(b"=\r\n", b"")


def test_a_draft_taken_under_other_rules_says_what_it_breaks(
    db: Session, draft: Issue, settings: Settings
) -> None:
    button = {"kind": "button", "label": "{{ name }}", "url": "https://www.exemple.fr/un mot"}
    draft.content = draft.content | {"blocks": [button, {"kind": "heading", "text": "x" * 301}]}
    found = lifecycle.findings(db, draft, settings, leaves=utcnow())
    assert [(finding.level, finding.code, finding.where) for finding in found] == [
        ("error", "merge_field_here", "blocks[0].label"),
        ("error", "link_spaces", "blocks[0].url"),
        ("error", "string_too_long", "blocks[1].text"),
    ]
    assert "une espace coupe l’adresse" in found[1].sentence("fr")
    page = lifecycle.rendered(db, draft, settings).html
    assert "un mot" not in page
    assert "{{ name }}" not in page
    with pytest.raises(lifecycle.NotReady):
        lifecycle.schedule(db, draft, due_at=utcnow(), approver="terminal", now=utcnow(), settings=settings)


def test_an_english_letter_has_english_spacing_in_its_text_part(db: Session, settings: Settings) -> None:
    make_newsletter(db, slug="letter", locale="en")
    content, assets = yaml_file.load(templates_dir() / "examples" / "letter-en" / "letter.yaml")
    page = lifecycle.rendered(db, lifecycle.import_issue(db, content, assets, now=utcnow()), settings)
    assert "17:30: Open repair afternoon" in page.text
    assert not re.search(r"\w\s[:;!?»](?=\s)", page.text)
