"""What the tests of the composer share: somebody at its page, and what the service has of the letter."""

import re
from collections.abc import Iterator

from playwright.sync_api import Browser, BrowserContext, Page, expect

from mailer.core.db import transaction
from mailer.issues import drafts
from mailer.issues.drafts import Document, Values
from mailer.issues.models import Issue
from tests.browser.conftest import Site
from tests.support.desk_rows import EMAIL, PASSWORD
from tests.support.waiting import PATIENCE

HEADING = 3  # its place in the example letter


def browsing(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of somebody's own."""
    opened = browser.new_context(locale="fr-FR", viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(PATIENCE * 1000)
    yield opened
    opened.close()


def log_in(page: Page, site: Site, email: str = EMAIL) -> None:
    page.goto(site.url + "/login")
    page.get_by_label("Adresse électronique").fill(email)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    page.wait_for_url("**/desk/**")


def compose(context: BrowserContext, site: Site, email: str = EMAIL) -> Page:
    page = context.new_page()
    log_in(page, site, email)
    return again(page, site)


def again(page: Page, site: Site) -> Page:
    page.goto(f"{site.url}/desk/issues/{site.draft}/compose")
    return page


def open_heading(page: Page, place: int = HEADING) -> None:
    page.get_by_role("link", name=re.compile(rf"^Modifier {place}, Titre de rubrique")).click()
    expect(page.get_by_label("Titre de la rubrique")).to_be_focused()


def write(page: Page, words: str) -> None:
    page.get_by_label("Titre de la rubrique").fill(words)


def saved(page: Page) -> None:
    expect(page.locator("[data-state]")).to_have_text(re.compile(r"^Enregistré à \d+ h \d\d$"))


def document(site: Site) -> Document:
    with transaction() as db:
        return drafts.identified(db.get_one(Issue, site.draft).content)


def blocks(site: Site) -> list[Values]:
    return list(document(site)["blocks"])


def heading(site: Site, place: int = HEADING) -> str:
    """The words of a heading, "" where there is none yet."""
    return next((str(block.get("text", "")) for block in blocks(site)[place - 1 : place]), "")
