"""What an author types runs nowhere: in a browser that tells of each dialog, error, refusal and request."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Response

from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.delivery import audience
from mailer.issues import drafts, lifecycle
from mailer.issues.blocks import KINDS
from mailer.issues.models import Issue
from mailer.issues.preview_views import PreviewMode
from tests.browser.conftest import Site
from tests.support.desk_rows import EMAIL, PASSWORD
from tests.support.hostile import CORPUS, block_of_all, block_with
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.browser
A_LETTER = 7  # of each kind of block, within the hundred of a letter
TITLES = 12  # published at once, within the weight of a letter


@dataclass
class Watch:
    """Hold what a page should not have done."""

    site: str
    told: list[str] = field(default_factory=list)

    def dialog(self, dialog: Dialog) -> None:
        self.told.append(dialog.message)
        dialog.dismiss()

    def error(self, error: Exception) -> None:
        self.told.append(str(error))

    def console(self, line: ConsoleMessage) -> None:
        """Note what the browser refuses; what is not there is an answer's affair."""
        if line.type == "error" and "404" not in line.text:
            self.told.append(line.text)

    def response(self, answer: Response) -> None:
        """Note what a page asked for that is not ours; a mail names no icon, and browsers look for one."""
        there = answer.status < 400 or answer.url.endswith("/favicon.ico")
        if not (there and answer.url.startswith(self.site)):
            self.told.append(answer.url)


@pytest.fixture
def watched(browser: Browser, site: Site) -> Iterator[tuple[Page, Watch]]:
    """Léa at the desk, and whatever runs, is refused or goes elsewhere."""
    context, watch = browser.new_context(locale="fr-FR"), Watch(site.url)
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    page.goto(site.url + "/desk/")
    page.get_by_label("Adresse électronique").fill(EMAIL)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    page.on("dialog", watch.dialog)
    page.on("pageerror", watch.error)
    page.on("console", watch.console)
    page.on("response", watch.response)
    yield page, watch
    context.close()


def _write(issue_id: UUID, blocks: list[drafts.Values], **head: str) -> None:
    with transaction() as db:
        issue = db.get_one(Issue, issue_id)
        content = issue.content | head | {"blocks": blocks}
        issue.content, issue.title = drafts.fresh(content), str(content["title"])


@pytest.mark.parametrize("first", range(0, len(CORPUS), A_LETTER))
def test_nothing_of_a_draft_runs(watched: tuple[Page, Watch], site: Site, first: int) -> None:
    page, watch = watched
    turns = range(first, min(first + A_LETTER, len(CORPUS)))
    texts, base = list(CORPUS.values()), f"{site.url}/desk/issues/{site.draft}"
    head = dict.fromkeys(("title", "subject", "preheader", "number"), texts[first])
    _write(site.draft, [block_of_all(kind, turn) for turn in turns for kind in KINDS], **head)
    with transaction() as db:
        blocks = [block["id"] for block in db.get_one(Issue, site.draft).content["blocks"]][: len(KINDS)]
    previews = [f"/preview?mode={mode}" for mode in PreviewMode if mode is not PreviewMode.NO_IMAGES]
    for path in ("", "/compose", "/compose/head", *previews, *(f"/compose/blocks/{each}" for each in blocks)):
        answer = page.goto(base + path, wait_until="load")
        assert answer
        assert answer.status == 200, path
        assert watch.told == [], path


def test_nothing_of_what_is_published_runs(watched: tuple[Page, Watch], site: Site) -> None:
    page, watch = watched
    titles = [block_with("heading", ("text",), text) for text in CORPUS.values()]
    fit = [block for block in titles if not drafts.block_faults(block)][:TITLES]
    _write(site.draft, fit, title=CORPUS["image"], preheader=CORPUS["single quote"])
    with transaction() as db:
        issue = lifecycle.get(db, site.draft)
        assert issue
        lifecycle.schedule(db, issue, due_at=utcnow(), approver="x", now=utcnow(), settings=settings())
        assert audience.freeze(db, site.draft, now=utcnow())
    for path in (f"/lettre/issues/{site.draft}", "/lettre/archive", "/lettre/", "/desk/"):
        page.goto(site.url + path, wait_until="load")
        assert watch.told == [], path
    assert page.get_by_text(CORPUS["image"]).first.is_visible()
