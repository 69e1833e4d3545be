"""Each right, by keyboard alone, in both languages, from the form to what was asked for."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from dateutil.relativedelta import relativedelta
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from mailer import tasks
from mailer.core import jobs, tokens
from mailer.core.db import transaction, utcnow
from mailer.core.tokens import Purpose
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.models import AddressChange, RightsLink
from mailer.privacy.retention import reconfirmation
from tests.browser.conftest import Site
from tests.support.axe import look
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.browser
READER = "reader0@example.org"
WAYS = {"fr-light": ("fr-FR", "light", 1280), "en-dark-320": ("en-GB", "dark", 320)}


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    locale, scheme, width = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, locale=locale, accept_downloads=True
    )
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    noise: list[str] = []
    page.on("pageerror", lambda error: noise.append(str(error)))
    yield page
    context.close()
    assert noise == []


def said(page: Page, french: str, english: str) -> str:
    return french if page.evaluate("document.documentElement.lang") == "fr" else english


def press(page: Page, name: str) -> None:
    """Reach a button or a link by keyboard alone, and go where it leads."""
    find(page, name)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def find(page: Page, name: str) -> None:
    """Reach a button or a link by keyboard alone."""
    for _ in range(60):
        page.keyboard.press("Tab")
        here = page.evaluate(
            "(document.activeElement.innerText || document.activeElement.labels?.[0]?.innerText || '').trim()"
        )
        if here.startswith(name):
            return
    raise AssertionError(f"the keyboard does not reach {name}")


def reach(page: Page, field: str) -> None:
    """Go to a field by keyboard alone."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == field:
            return
    raise AssertionError(f"the keyboard does not reach {field}")


def enter(page: Page, site: Site, email: str = READER) -> None:
    """From the form to the open session, the mail in between."""
    page.goto(site.url + "/rights")
    look(page)
    reach(page, "email")
    page.keyboard.type(email)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/rights/check-your-mail"))
    look(page)
    page.goto(site.url + latest())
    look(page)
    assert email not in page.content()
    press(page, said(page, "Oui, ouvrir mes droits", "Yes, open my rights"))
    expect(page).to_have_url(re.compile("/rights/yours"))
    look(page)


def latest() -> str:
    """The link that the worker has just had sent."""
    jobs.run(tasks.FORMS)
    with transaction() as db:
        link_id = db.scalars(select(RightsLink.id).order_by(RightsLink.created_at.desc()).limit(1)).one()
    return "/rights/" + tokens.issue(Purpose.RIGHTS, link_id.hex)


def test_the_pages_without_a_session(page: Page, site: Site) -> None:
    for path in ("/rights", "/rights/check-your-mail", "/rights/nonsense", "/rights/yours"):
        page.goto(site.url + path)
        look(page)
    page.goto(site.url + "/rights")
    reach(page, "email")
    page.keyboard.type("zoe@")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#email")).to_have_value("zoe@")
    look(page)


def test_access_and_portability(page: Page, site: Site) -> None:
    enter(page, site)
    for button in (
        ("Tout télécharger", "Download everything"),
        ("Récupérer mes données", "Get a copy of my data"),
    ):
        find(page, said(page, *button))
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert download.value.suggested_filename.endswith(".zip")
    press(page, said(page, "Voir mes données", "See my data"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        said(page, "Les données que nous détenons", "The data we hold")
    )
    expect(page.locator(".told")).to_contain_text(READER)
    look(page)


@pytest.mark.parametrize("act", ["objection", "withdrawal"])
def test_nothing_more_is_sent(page: Page, site: Site, act: str) -> None:
    enter(page, site)
    first, button, done = {
        "objection": (("M’opposer", "Object"), ("M’opposer à tout envoi", "Object to every mailing"),
                      ("Votre opposition est enregistrée", "Your objection is recorded")),
        "withdrawal": (("Tout arrêter", "Stop everything"), ("Tout arrêter", "Stop everything"),
                       ("Vous ne recevez plus aucune lettre", "You no longer receive any newsletter")),
    }[act]  # fmt: skip
    press(page, said(page, *first))
    look(page)
    press(page, said(page, *button))
    expect(page.get_by_role("status")).to_contain_text(said(page, *done))
    look(page)


def test_restriction_and_its_end(page: Page, site: Site) -> None:
    enter(page, site)
    for button, done in (
        (
            ("Limiter l’utilisation de mes données", "Restrict the use of my data"),
            ("L’utilisation de vos données est suspendue", "The use of your data is restricted"),
        ),
        (
            ("Mettre fin à la limitation", "End the restriction"),
            ("La limitation de vos données a pris fin", "restriction of your data has ended"),
        ),
    ):
        press(page, said(page, *button))
        look(page)
        press(page, said(page, *button))
        expect(page.get_by_role("status")).to_contain_text(said(page, *done))
        look(page)


def test_rectification(page: Page, site: Site) -> None:
    enter(page, site)
    press(page, said(page, "Corriger mes données", "Correct my data"))
    look(page)
    reach(page, "name")
    page.keyboard.type("Zoé")
    press(page, said(page, "Corriger", "Correct"))
    expect(page.get_by_role("status")).to_contain_text(said(page, "C’est corrigé", "It is corrected"))
    press(page, said(page, "Corriger mes données", "Correct my data"))
    expect(page.locator("#name")).to_have_value("Zoé")
    reach(page, "email")
    page.keyboard.type("zoe@")
    press(page, said(page, "Demander ce changement", "Ask for this change"))
    expect(page.get_by_role("alert")).to_be_visible()
    look(page)
    page.locator("#email").fill("zoe@example.net")
    press(page, said(page, "Demander ce changement", "Ask for this change"))
    expect(page.get_by_role("status")).to_contain_text(said(page, "la nouvelle adresse", "the new address"))
    for path, purpose, button in (
        ("/rights/new-address/", Purpose.NEW_ADDRESS, ("Oui, recevoir", "Yes, receive")),
        ("/rights/old-address/", Purpose.OLD_ADDRESS, ("Oui, annuler", "Yes, undo")),
    ):
        with transaction() as db:
            change = db.scalars(select(AddressChange.id)).one()
        page.goto(site.url + path + tokens.issue(purpose, change.hex))
        look(page)
        press(page, said(page, *button))
        look(page)
    press(page, said(page, "Vos droits", "Your rights"))


def test_directives(page: Page, site: Site) -> None:
    enter(page, site)
    press(page, said(page, "Mes directives", "My instructions"))
    look(page)
    reach(page, "directives")
    page.keyboard.type("Effacez tout.")
    press(page, said(page, "Enregistrer mes directives", "Save my instructions"))
    expect(page.get_by_role("status")).to_contain_text(said(page, "Vos directives", "Your instructions"))
    page.goto(site.url + "/rights/yours/directives")
    expect(page.locator("#directives")).to_have_value("Effacez tout.")
    page.locator("#directives").evaluate(
        "field => { field.removeAttribute('maxlength'); field.value = 'x'.repeat(2001) }"
    )
    press(page, said(page, "Enregistrer mes directives", "Save my instructions"))
    expect(page.get_by_role("alert")).to_be_visible()
    look(page)


def test_erasure(page: Page, site: Site) -> None:
    enter(page, site)
    press(page, said(page, "Effacer mes données", "Erase my data"))
    look(page)
    reach(page, "email")
    page.keyboard.type("somebody@example.org")
    press(page, said(page, "Effacer mes données", "Erase my data"))
    expect(page.get_by_role("alert")).to_be_visible()
    look(page)
    page.locator("#email").fill(READER)
    reach(page, "never_again")
    page.keyboard.press("Space")
    press(page, said(page, "Effacer mes données", "Erase my data"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        said(page, "Vos données sont effacées", "Your data are erased")
    )
    look(page)


def test_a_session_is_closed(page: Page, site: Site) -> None:
    enter(page, site)
    press(page, said(page, "Fermer ma session", "Close my session"))
    expect(page).to_have_url(re.compile(r"/rights(\?|$)"))
    page.goto(site.url + "/rights/yours")
    look(page)
    press(page, said(page, "Recevoir un nouveau lien", "Get a new link"))
    expect(page).to_have_url(re.compile(r"/rights(\?|$)"))


def test_do_you_still_want_this(page: Page, site: Site) -> None:
    """From the letter of the 35th month to its one button; and a letter of somebody who is gone."""
    with transaction() as db:
        reconfirmation.ask(db, utcnow() + relativedelta(months=36))
        facts = db.scalars(select(Notice.facts).where(Notice.kind == NoticeKind.RECONFIRM).limit(1)).one()
    assert facts
    page.goto(site.url + facts["link"] + tokens.issue(Purpose(facts["purpose"]), facts["of"]))
    expect(page.locator(".quoted")).to_contain_text(
        said(page, "Je veux continuer", "I want to keep receiving")
    )
    assert "@example" not in page.content()
    assert "La lettre du commissariat" not in page.content()  # its copy may be in other hands
    look(page)
    press(page, said(page, "Oui, je veux continuer", "Yes, keep sending me the newsletters"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(said(page, "C’est enregistré", "Saved"))
    look(page)
    page.goto(site.url + facts["link"] + tokens.issue(Purpose.RECONFIRM, uuid4().hex))
    look(page)
    press(page, said(page, "Aller à l’inscription", "Go to the sign-up"))
