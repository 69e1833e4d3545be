"""What was written is taken back, done again, compared and put back, in a browser without script."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from mailer.core.db import transaction
from mailer.issues import drafts
from mailer.issues.models import Issue
from tests.browser.conftest import Site
from tests.support.axe import look
from tests.support.desk_rows import EMAIL, PASSWORD
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.browser


@pytest.fixture(params=["fr-FR", "en-GB"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale=request.param, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE * 1000)
    yield context.new_page()
    context.close()


def _log_in(page: Page, site: Site) -> None:
    page.goto(site.url + "/desk/")
    page.locator("#email").fill(EMAIL)
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").or_(page.get_by_role("button", name="Log in")).click()
    page.wait_for_url("**/desk/")


def _heading(site: Site) -> str:
    with transaction() as db:
        blocks = db.get_one(Issue, site.draft).content["blocks"]
    return str(next(block["text"] for block in blocks if block["kind"] == "heading"))


def test_the_history_is_read_and_a_version_put_back(page: Page, site: Site) -> None:
    before = _heading(site)
    with transaction() as db:
        document = drafts.identified(db.get_one(Issue, site.draft).content)
    block = next(each for each in document["blocks"] if each["kind"] == "heading")
    _log_in(page, site)
    base = f"{site.url}/desk/issues/{site.draft}/compose"
    page.goto(f"{base}/blocks/{block['id']}")
    page.locator("#text").fill("Un hiver solidaire")
    page.locator("button[value=back]").click()
    page.wait_for_url("**/compose#*")
    page.goto(f"{base}/history")
    expect(page.locator(".versions > li").filter(has_text="Un hiver solidaire")).to_have_count(1)
    look(page)
    page.get_by_role("link", name="Version 2").click()
    expect(page.locator("ins")).to_contain_text("Un hiver solidaire")
    expect(page.locator("del")).to_contain_text(before)
    look(page)
    page.goto(f"{base}/history/1")
    look(page)
    page.locator("form[action$='/restore'] button").click()
    page.wait_for_url("**/compose*")
    assert _heading(site) == before


def test_what_one_did_is_undone_and_redone(page: Page, site: Site) -> None:
    with transaction() as db:
        document = drafts.identified(db.get_one(Issue, site.draft).content)
    block = next(each for each in document["blocks"] if each["kind"] == "heading")
    _log_in(page, site)
    page.goto(f"{site.url}/desk/issues/{site.draft}/compose/blocks/{block['id']}")
    page.locator("#text").fill("Un hiver solidaire")
    page.locator("button[value=back]").click()
    page.wait_for_url("**/compose#*")
    look(page, exclude="iframe")
    undo, redo = (page.locator(f"form[action$='/{act}'] button") for act in ("undo", "redo"))
    expect(redo).to_be_disabled()
    undo.click()
    expect(undo).to_be_disabled()
    assert _heading(site) == block["text"]
    redo.click()
    expect(redo).to_be_disabled()
    assert _heading(site) == "Un hiver solidaire"


def test_a_table_is_filled_in_cell_by_cell(page: Page, site: Site) -> None:
    _log_in(page, site)
    base = f"{site.url}/desk/issues/{site.draft}/compose"
    page.goto(f"{base}/add")
    page.locator("details.disclosure summary").first.click()
    look(page)
    page.locator("form:has(input[value=table]) button").click()
    page.wait_for_url("**/blocks/*")
    page.locator("#caption").fill("Places ouvertes")
    for place, words in enumerate(("Lieu", "Places", "", "Nord", "120")):
        page.locator(".grid-cells input").nth(place).fill(words)
    look(page, exclude="iframe")
    page.locator("button[value=stay]").click()
    page.wait_for_load_state()
    expect(page.locator(".grid-cells tbody tr")).to_have_count(3)
    with transaction() as db:
        assert db.get_one(Issue, site.draft).content["blocks"][-1]["rows"] == [
            ["Lieu", "Places"],
            ["Nord", "120"],
        ]
