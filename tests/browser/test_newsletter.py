"""A newsletter's look is changed at the desk, and a test of its draft is read in a mailbox without images."""

import re
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from playwright.sync_api import Browser, Page, expect

from mailer.core import settings as settings_module
from tests.browser.conftest import Site
from tests.support.axe import look
from tests.support.desk_rows import EMAIL, PASSWORD
from tests.support.notices import send_due
from tests.support.sink import running_sink
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.browser
VIOLET, VIOLET_RGB = "#7c2d92", "rgb(124, 45, 146)"


@pytest.fixture(params=[False, True], ids=["no-script", "script"])
def scripted(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def page(scripted: bool, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        java_script_enabled=scripted, locale="fr-FR", viewport={"width": 1280, "height": 800}
    )
    context.set_default_timeout(PATIENCE * 1000)
    yield context.new_page()
    context.close()


def _log_in(page: Page, site: Site) -> None:
    page.goto(site.url + "/desk/newsletters")
    page.get_by_label("Adresse électronique").fill(EMAIL)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()


def test_a_look_is_tried_and_kept(page: Page, site: Site, scripted: bool) -> None:
    _log_in(page, site)
    page.get_by_role("link", name="La lettre du commissariat", exact=True).click()
    sample = page.frame_locator("iframe[name=sample]")
    expect(sample.get_by_role("heading", name="La lettre du commissariat")).to_be_visible()
    page.get_by_label("Couleur d’accent", exact=True).fill(VIOLET)
    if not scripted:
        page.get_by_role("button", name="Actualiser l’exemple").click()
    expect(sample.get_by_text("17\u202f%").or_(sample.get_by_text("17\u00a0%")).first).to_have_css(
        "color", VIOLET_RGB
    )
    page.get_by_label("Signature").fill("L’équipe du commissariat")
    page.get_by_role("button", name="Enregistrer", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("enregistré")
    expect(page.get_by_label("Couleur d’accent", exact=True)).to_have_value(VIOLET)
    expect(sample.get_by_text("L’équipe du commissariat")).to_be_visible()


def test_a_colour_that_is_too_pale_is_explained(page: Page, site: Site, scripted: bool) -> None:
    _log_in(page, site)
    page.get_by_role("link", name="La lettre du commissariat", exact=True).click()
    if scripted:
        look(page, exclude="iframe")
    page.get_by_label("Couleur d’accent", exact=True).fill("#ff9900")
    page.get_by_role("button", name="Enregistrer", exact=True).click()
    fault = page.locator("#accent-error")
    expect(fault).to_contain_text("4,5")
    nearest = re.search(r"#[0-9a-f]{6}", fault.inner_text())
    assert nearest
    if scripted:
        look(page, exclude="iframe")
    page.get_by_label("Couleur d’accent", exact=True).fill(nearest[0])
    page.get_by_role("button", name="Enregistrer", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("enregistré")


def test_a_test_is_one_click_away_and_readable_without_images(
    page: Page, site: Site, browser: Browser, scripted: bool
) -> None:
    _log_in(page, site)
    page.goto(f"{site.url}/desk/issues/{site.draft}/compose")
    page.get_by_role("button", name="M’envoyer un essai").click()
    expect(page.get_by_role("status").first).to_contain_text(EMAIL)
    if scripted:
        page.goto(f"{site.url}/desk/issues/{site.draft}")
        look(page, exclude="iframe")
    mail = _received()
    assert mail["Subject"].startswith("[Essai] ")
    html = next(part.get_content() for part in mail.iter_parts() if part.get_content_subtype() == "html")
    with browser.new_context(viewport={"width": 700, "height": 900}) as context:
        mailbox = context.new_page()
        mailbox.route("**/assets/**", lambda route: route.abort())
        mailbox.set_content(html)
        expect(mailbox.get_by_text("Ceci est un essai.")).to_be_visible()
        place = mailbox.get_by_role("note").bounding_box()
        assert place
        assert place["y"] < 50  # at the very top
        leave = mailbox.get_by_role("link", name="Me désinscrire de cette lettre")
        assert leave.get_attribute("href") == f"{site.url}/trial/unsubscribe"


def _received() -> EmailMessage:
    """What arrives in the mailbox once the worker has been there."""
    with running_sink() as sink:
        given = settings_module.settings().model_copy(update={"relay_url": sink.url})
        send_due(given)
        return next(mail for mail in sink.mails() if "Essai" in mail["Subject"])
