"""The preview in a browser: chosen without script, and with it shown again where one was reading."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from mailer.core.db import transaction
from mailer.issues import composing, lifecycle
from mailer.issues.drafts import written_block
from tests.browser.conftest import Site
from tests.support.axe import look
from tests.support.desk_rows import EMAIL, PASSWORD
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.browser
SCROLLED = "() => document.querySelector('.preview-frame iframe').contentWindow.scrollY"
SAVED = "() => document.dispatchEvent(new CustomEvent('mailer:saved'))"


@pytest.fixture(params=[False, True], ids=["no-script", "script"])
def page(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Page]:
    """Léa, on the page where a letter is written."""
    context = browser.new_context(java_script_enabled=request.param, locale="fr-FR")
    context.set_default_timeout(PATIENCE * 1000)
    opened = context.new_page()
    _log_in(opened, site)
    opened.goto(f"{site.url}/desk/issues/{site.draft}/compose")
    yield opened
    context.close()


@pytest.fixture
def scripted(browser: Browser, site: Site) -> Iterator[Page]:
    context = browser.new_context(locale="fr-FR", color_scheme="dark")
    context.set_default_timeout(PATIENCE * 1000)
    opened = context.new_page()
    _log_in(opened, site)
    opened.goto(f"{site.url}/desk/issues/{site.draft}/compose")
    yield opened
    context.close()


def _log_in(page: Page, site: Site) -> None:
    page.goto(site.url + "/desk/")
    page.get_by_label("Adresse électronique").fill(EMAIL)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()


def _frame(page: Page) -> FrameLocator:
    return page.frame_locator(".preview-frame iframe:not(.preview-coming)")


def _choose(page: Page, mode: str) -> None:
    page.locator(f"label[for=mode-{mode}]").click()
    button = page.get_by_role("button", name="Montrer", exact=True)
    if button.is_visible():
        button.click()


def test_each_mode_is_chosen(page: Page) -> None:
    letter = _frame(page)
    expect(letter.get_by_role("heading", name="Le Pacte des solidarités", exact=True)).to_be_visible()
    page.get_by_label("Comme la reçoit").select_option("nameless")
    _choose(page, "text")
    expect(letter.get_by_text("LE FOCUS DU MOIS")).to_be_visible()
    expect(letter.get_by_text("Bonjour,")).to_be_visible()
    _choose(page, "reading")
    expect(letter.get_by_text("Titre de niveau 1")).to_be_visible()
    _choose(page, "phone")
    expect(letter.get_by_role("heading", name="Le Pacte des solidarités", exact=True)).to_be_visible()
    box = page.locator(".preview-frame iframe").bounding_box()
    assert box
    assert box["width"] == 375
    expect(page.get_by_label("Mobile")).to_be_checked()


def test_dark_is_dark_and_light_is_light_whatever_the_browser_prefers(scripted: Page) -> None:
    ground = "e => getComputedStyle(e.ownerDocument.body).backgroundColor"
    letter = _frame(scripted)
    assert letter.get_by_role("heading", level=1).evaluate(ground) == "rgb(243, 240, 234)"
    _choose(scripted, "dark")
    scripted.locator(".preview-coming").wait_for(state="detached")
    assert letter.get_by_role("heading", level=1).evaluate(ground) == "rgb(22, 21, 19)"
    expect(scripted.get_by_text("Comme sur un iPhone")).to_be_visible()
    look(scripted, exclude="iframe")


def test_where_images_are_off_their_words_are_shown(scripted: Page) -> None:
    images, widths = _frame(scripted).locator("img"), "all => all.map(image => image.naturalWidth)"
    images.last.scroll_into_view_if_needed()
    _choose(scripted, "no-images")
    scripted.locator(".preview-coming").wait_for(state="detached")
    assert images.evaluate_all(widths) == [0] * 7
    expect(_frame(scripted).get_by_alt_text("silhouette d’une personne")).to_be_visible()
    expect(scripted.get_by_text("attendent un clic avant de charger les images")).to_be_visible()


def test_after_a_save_the_new_letter_is_where_one_was_reading(scripted: Page, site: Site) -> None:
    letter = _frame(scripted)
    letter.get_by_role("heading", name="Alerte appel à projets").scroll_into_view_if_needed()
    place = scripted.evaluate(SCROLLED)
    assert place > 1000
    with transaction() as db:
        found = lifecycle.get(db, site.draft)
        assert found
        block = next(b for b in composing.document(found)["blocks"] if b["kind"] == "call")
        changed = written_block(block) | {"title": "Un titre tout neuf"}
        composing.save_block(db, found, block["id"], changed, revision=block["revision"])
    scripted.evaluate(SAVED)
    scripted.evaluate(SAVED)  # while the first is on its way
    expect(letter.get_by_role("heading", name="Un titre tout neuf")).to_be_visible()
    scripted.locator(".preview-coming").wait_for(state="detached")
    assert scripted.evaluate(SCROLLED) == place
    assert scripted.locator(".preview-frame iframe").count() == 1


def test_a_link_of_the_letter_opens_beside_the_desk(scripted: Page) -> None:
    with scripted.context.expect_page() as opened:
        _frame(scripted).get_by_role("link", name="Exercer mes droits").click()
    assert opened.value.url.endswith("/rights")
    assert scripted.url.endswith("/compose")
