"""Every page and state in a real browser: no axe violation, nothing wider than the screen, keyboard alone."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete, update

from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.restore_lock import Restoration
from mailer.core.settings import settings
from mailer.core.tokens import Purpose
from mailer.delivery import ledger
from mailer.delivery.models import Delivery
from mailer.imports import worker
from mailer.privacy.models import Right
from mailer.privacy.rights import restriction
from mailer.smtp.replies import DeliveryState
from mailer.subscribers.models import Subscriber, Subscription
from tests.browser.conftest import Site
from tests.support.axe import look
from tests.support.desk_rows import EMAIL, PASSWORD
from tests.support.make import open_case
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.browser
PUBLIC = (
    "/", "/lettre/", "/lettre/?lang=en", "/appels/", "/lettre/check-your-mail", "/lettre/archive",
    "/lettre/archive?q=logement", "/lettre/archive?q=nowhere", "/appels/archive", "/rights", "/privacy",
    "/legal", "/accessibility", "/login", "/nowhere/", "/confirm/cut", "/preferences", "/preferences/over",
    "/preferences/check-your-mail", "/lettre/embed", "/lettre/embed/check-your-mail", "/lettre/embed/code",
)  # fmt: skip
WAYS = {  # the scheme, the width, and whether the system imposes its colours and stills what moves
    "light-1280": ("light", 1280, False),
    "dark-320": ("dark", 320, False),
    "forced-1280": ("light", 1280, True),
}


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    scheme, width, forced = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        locale="fr-FR",
        forced_colors="active" if forced else "none",
        reduced_motion="reduce" if forced else "no-preference",
    )
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    noise: list[str] = []
    page.on("console", lambda said: noise.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: noise.append(str(error)))
    yield page
    context.close()
    assert [line for line in noise if not re.search("status of (4|503)", line) and "net::" not in line] == []


def test_public_pages(page: Page, site: Site) -> None:
    for path in PUBLIC:
        page.goto(site.url + path)
        look(page)


def test_a_service_that_was_restored(page: Page, site: Site) -> None:
    with transaction() as db:
        db.execute(delete(Restoration))
    for path in ("/lettre/", "/lettre/?lang=en", site.leave):
        page.goto(site.url + path)
        look(page)
        expect(page.get_by_role("link", name=re.compile("droits@"))).to_be_visible()


def test_the_letter(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/lettre/issues/{site.sent}")
    look(page)
    broken = page.evaluate("[...document.images].filter(i => !i.naturalWidth).map(i => i.src)")
    assert broken == []


def test_the_form_with_its_faults(page: Page, site: Site) -> None:
    page.goto(site.url + "/lettre/")
    page.get_by_label("Adresse électronique").fill("zoe@")
    page.get_by_role("button", name="M’abonner").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page).to_have_title(re.compile("^Erreur"))
    page.get_by_role("link", name="Cochez la case").click()
    expect(page.get_by_role("checkbox")).to_be_focused()
    expect(page.get_by_label("Adresse électronique")).to_have_value("zoe@")
    look(page)


def test_links_of_mails(page: Page, site: Site) -> None:
    for path, button, done in (
        (site.confirm, "Oui, je confirme", "est confirmée"),
        (site.own_word, "Oui, je confirme mon consentement", "C’est enregistré"),
        (site.leave, "Oui, me désinscrire", "Votre désinscription est prise en compte"),
    ):
        page.goto(site.url + path)
        look(page)
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(done)
        look(page)
    page.get_by_label("Trop d’envois").check()
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("status")).to_contain_text("Merci")
    look(page)
    page.goto(site.url + site.back)
    look(page)


def test_preferences_by_keyboard_alone(page: Page, site: Site) -> None:
    page.goto(site.url + site.preferences)
    look(page)
    _tab_to(page, lambda: page.evaluate("document.activeElement.tagName") == "BUTTON")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Mes préférences")
    look(page)
    _tab_to(page, lambda: page.evaluate("document.activeElement.id") == "n-appels")
    page.keyboard.press("Space")
    _tab_to(page, lambda: page.evaluate("document.activeElement.id") == "name")
    page.keyboard.type("Zoé")
    _tab_to(page, lambda: page.evaluate("document.activeElement.tagName") == "BUTTON")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("C’est enregistré")
    expect(page.get_by_label("Appels à projets")).to_be_checked()
    expect(page.get_by_label("Prénom ou nom")).to_have_value("Zoé")
    look(page)
    page.get_by_label("Suspendre les envois jusqu’au").fill("2020-01-01")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_role("alert")).to_contain_text("Choisissez un jour à venir")
    look(page)


def test_the_form_in_the_frame_of_another_site(page: Page, site: Site) -> None:
    page.goto(site.host)
    form = page.frame_locator("iframe")
    form.get_by_label("Adresse électronique").fill("nina@example.org")
    form.get_by_role("checkbox").check()
    form.get_by_role("button", name="M’abonner").click()
    expect(form.get_by_role("heading", level=1)).to_contain_text("Consultez votre messagerie")


def test_no_other_site_may_frame_it(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(site.stranger)
    frame = page.frame_locator("iframe")
    expect(frame.locator("body")).to_be_attached()
    expect(frame.get_by_role("textbox")).to_have_count(0)
    page.close()


def test_a_plain_form_of_another_site_leads_to_ours(page: Page, site: Site) -> None:
    page.goto(site.host)
    page.get_by_role("button", name="own").click()
    expect(page.get_by_label("Adresse électronique")).to_have_value("nina@example.org")
    expect(page.get_by_role("checkbox")).not_to_be_checked()
    expect(page.get_by_role("alert")).to_have_count(0)
    look(page)


def test_signing_up_by_keyboard_alone(page: Page, site: Site) -> None:
    page.goto(site.url + "/lettre/")
    keys = page.keyboard
    keys.press("Tab")
    expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()
    keys.press("Enter")
    _tab_to(page, lambda: page.evaluate("document.activeElement.id") == "email")
    keys.type("nina@example.org")
    _tab_to(page, lambda: page.evaluate("document.activeElement.id") == "consent")
    keys.press("Space")
    _tab_to(page, lambda: page.evaluate("document.activeElement.tagName") == "BUTTON")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Consultez votre messagerie")


def _tab_to(page: Page, there: Callable[[], bool], within: int = 15) -> None:
    for _ in range(within):
        page.keyboard.press("Tab")
        if there():
            return
    raise AssertionError("the keyboard does not get there")


def test_the_desk(page: Page, site: Site) -> None:
    page.goto(site.url + "/desk/")
    page.get_by_label("Adresse électronique").fill(EMAIL)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Numéros")
    look(page)
    for path in ("/desk/newsletters", "/desk/components", "/desk/components?theme=dsfr",
                 f"/desk/issues/{site.sent}", f"/desk/issues/{site.draft}",
                 f"/desk/issues/{site.draft}/send", f"/desk/issues/{site.sent}/cancel"):  # fmt: skip
        page.goto(site.url + path)
        look(page, exclude="iframe")
    _schedule(page, site)


def test_the_register(page: Page, site: Site) -> None:
    """A letter by post becomes a case, is asked about, extended and refused, each letter read over first."""
    with transaction() as db:
        for days in (60, 28, 22, 3):
            open_case(db, now=utcnow() - timedelta(days=days), email=f"r{days}@example.org")
    _log_in(page, site)
    page.goto(site.url + "/desk/rights/new")
    look(page)
    page.get_by_label("Droit demandé").select_option("erasure")
    page.get_by_role("button", name="Ouvrir le dossier").click()
    expect(page.get_by_role("alert").filter(has_text="savoir à qui répondre")).to_be_visible()
    look(page)
    page.get_by_label("Nom", exact=True).fill("Zoé Martin")
    page.get_by_role("button", name="Ouvrir le dossier").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Effacement")
    look(page)
    _tab_to(page, lambda: page.evaluate("document.activeElement.innerText") == "Prolonger de deux mois", 60)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Les demandes sont nombreuses ce mois-ci.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Relire avant l’envoi")
    look(page)
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_role("status")).to_contain_text("prolongé")
    look(page)
    page.goto(site.url + "/desk/rights")
    expect(page.get_by_text("En retard").first).to_be_visible()
    look(page)
    page.goto(site.url + "/desk/rights?closed=1&lang=en")
    look(page)


def test_people_from_a_file(page: Page, site: Site) -> None:
    """Sent without its source, then with it; looked at, taken, and undone."""
    _log_in(page, site)
    page.goto(site.url + "/desk/people")
    look(page)
    page.get_by_role("button", name="Envoyer le fichier").click()
    expect(page.get_by_role("alert").filter(has_text="Choisissez un fichier")).to_be_visible()
    look(page)
    _send_file(page)
    look(page)
    page.get_by_label("email", exact=True).select_option("")
    page.get_by_role("button", name="Vérifier le fichier").click()
    expect(page.get_by_role("alert").filter(has_text="Aucune colonne ne contient d’adresses")).to_be_visible()
    look(page)
    page.get_by_label("email", exact=True).select_option("email")
    page.get_by_role("button", name="Vérifier le fichier").click()
    page.wait_for_url(re.compile("/imports/[^/]+$"))
    _let_worker_import(page, "Vérifié, à confirmer")
    expect(page.get_by_text("pas une adresse électronique")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Importer").click()
    _let_worker_import(page, "Terminé")
    look(page)
    page.get_by_role("link", name="Annuler cet import…").click()
    look(page)
    page.goto(site.url + "/desk/people")
    look(page)


def _send_file(page: Page) -> None:
    body = b"email;nom;consented_at\nann@example.org;Ann;2024-05-02\nnobody;;2024-05-02\n"
    page.get_by_label("Lettre", exact=True).select_option("lettre")
    page.get_by_label("Fichier", exact=True).set_input_files(
        {"name": "gens.csv", "mimeType": "text/csv", "buffer": body}
    )
    page.get_by_label("Origine de ces consentements").fill("salon de janvier")
    page.get_by_role("button", name="Envoyer le fichier").click()
    page.wait_for_url(re.compile("/columns$"))


def _let_worker_import(page: Page, then: str) -> None:
    """The page, which was left open, comes to say it by itself."""
    while worker.work(settings(), clock=utcnow):
        pass
    expect(page.get_by_text(then)).to_be_visible()


def test_the_end_of_an_issue(page: Page, site: Site) -> None:
    """Its certificate; and, where replies were lost, the question that a person has to answer."""
    with transaction() as db:
        db.execute(update(Delivery).values(state=DeliveryState.ACCEPTED))
        db.execute(update(Delivery).where(Delivery.position <= 2).values(state=DeliveryState.UNKNOWN))
        ledger.close_finished(db, now=utcnow())
    _log_in(page, site)
    for part, exclude in (("", "iframe"), ("/certificate", ""), ("/resend", "")):
        page.goto(f"{site.url}/desk/issues/{site.sent}{part}")
        expect(page.get_by_role("alert").first).to_contain_text("pas répondu pour 2 courriel")
        look(page, exclude=exclude)


def test_still_with_us(page: Page, site: Site) -> None:
    with transaction() as db:
        subscriber = db.get_one(Subscription, site.reader).subscriber_id
    for path in ("/still/cut", "/still/" + tokens.issue(Purpose.RECONFIRM, subscriber.hex)):
        page.goto(site.url + path)
        look(page)
    page.get_by_role("button", name="Oui, je veux continuer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("C’est enregistré")
    look(page)


def test_preferences_while_data_are_frozen(page: Page, site: Site) -> None:
    with transaction() as db:
        reader = db.get_one(Subscriber, db.get_one(Subscription, site.reader).subscriber_id)
        restriction.restrict(db, reader, now=utcnow())
    page.goto(site.url + site.preferences)
    page.get_by_role("button", name="Oui, ouvrir mes préférences").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("suspendue")
    look(page)


def test_freezing_and_erasing_within_a_case(page: Page, site: Site) -> None:
    """By keyboard alone; the address typed again, and a slip of the hand erases nobody."""
    with transaction() as db:
        case_id = open_case(db, now=utcnow(), email="reader0@example.org", right=Right.ERASURE).id
    _log_in(page, site)
    page.goto(f"{site.url}/desk/rights/{case_id}")
    for summary, told in (
        ("Suspendre l’utilisation des données", "est suspendue"),
        ("Annoncer la fin de la limitation", "la limitation prend fin"),
    ):
        _open(page, summary)
        look(page)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text(told)
    _open(page, "Effacer les données")
    for typed, told in (
        ("reader1@example.com", "pas l’adresse de ce dossier"), ("reader0@example.org", "sont effacées, et"),
    ):  # fmt: skip
        page.get_by_label("Saisissez l’adresse à effacer").fill(typed)
        for key in ("Tab", "Tab", "Enter"):
            page.keyboard.press(key)
        expect(page.get_by_text(told)).to_be_visible()
        look(page)
    page.goto(f"{site.url}/desk/rights/{case_id}?lang=en")
    expect(page.get_by_text("The case closes by itself")).to_be_visible()
    look(page)


def _open(page: Page, summary: str) -> None:
    _tab_to(page, lambda: page.evaluate("document.activeElement.innerText") == summary, 60)
    if not page.evaluate("document.activeElement.closest('details').open"):  # the case's own right is open
        page.keyboard.press("Enter")


def _log_in(page: Page, site: Site) -> None:
    page.goto(site.url + "/login")
    page.get_by_label("Adresse électronique").fill(EMAIL)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()


def _schedule(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/desk/issues/{site.draft}")
    page.get_by_label("Date d’envoi").fill("2020-01-01")
    page.get_by_label("Heure", exact=True).fill("08:00")
    page.get_by_role("button", name="Programmer").click()
    expect(page.get_by_role("alert").filter(has_text="déjà passé")).to_be_visible()
    look(page, exclude="iframe")
    page.get_by_label("Date d’envoi").fill("2099-12-01")
    page.get_by_role("button", name="Programmer").click()
    expect(page.get_by_role("alert").filter(has_text="cochez chaque point")).to_be_visible()
    page.get_by_text("conseils de rédaction").click()
    look(page, exclude="iframe")
    for warning in page.get_by_role("group", name="Points à vérifier").get_by_role("checkbox").all():
        warning.check()
    page.get_by_role("button", name="Programmer").click()
    expect(page.get_by_text("mardi 1er décembre 2099 à 8\u00a0h").first).to_be_visible()
    look(page, exclude="iframe")


def test_progress_is_live(browser: Browser, site: Site) -> None:
    page = browser.new_page(locale="fr-FR")
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(site.url + "/login")
    page.get_by_label("Adresse électronique").fill(EMAIL)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    page.goto(f"{site.url}/desk/issues/{site.sent}")
    expect(page.get_by_text("0 courriels traités sur 12")).to_be_visible()
    page.get_by_role("button", name="Mettre en pause").click()
    expect(page.get_by_text("L’envoi est en pause.").first).to_be_visible()
    page.get_by_role("link", name="Annuler l’envoi…").click()
    page.get_by_role("button", name="Oui, annuler").click()
    expect(page.get_by_text("plus aucun courriel n’est envoyé").first).to_be_visible()
    page.close()
