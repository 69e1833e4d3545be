"""A small letter is written at the desk in a browser without script, by somebody who only reads the page."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from mailer.core.db import transaction
from mailer.core.paths import templates_dir
from mailer.issues import drafts
from mailer.issues.models import Issue
from tests.browser.conftest import Site
from tests.support.desk_rows import EMAIL, PASSWORD
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.browser
PICTURE = templates_dir() / "examples" / "lettre" / "images" / "portrait.png"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        java_script_enabled=False, locale="fr-FR", viewport={"width": 1280, "height": 800}
    )
    context.set_default_timeout(PATIENCE * 1000)
    yield context.new_page()
    context.close()


def _log_in(page: Page, site: Site) -> None:
    page.goto(site.url + "/desk/")
    page.get_by_label("Adresse électronique").fill(EMAIL)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()


def _add(page: Page, kind: str) -> None:
    page.get_by_role("link", name="Ajouter un bloc", exact=True).click()
    page.get_by_role("button", name=f"Ajouter : {kind}", exact=True).click()


def _save(page: Page) -> None:
    page.get_by_role("button", name="Enregistrer", exact=True).click()


def test_a_small_letter_is_written(page: Page, site: Site) -> None:
    _log_in(page, site)
    page.get_by_role("link", name="Nouveau numéro").click()
    page.locator("#empty-newsletter").select_option("lettre")
    page.get_by_role("button", name="Commencer un numéro vide").click()
    expect(page.get_by_role("status")).to_contain_text("Le numéro est prêt")

    _write_article(page)
    _write_heading(page)
    _write_head(page)
    _remove_and_put_back(page)
    letter = page.frame_locator("iframe")
    expect(letter.get_by_role("heading", name="Un hiver solidaire")).to_be_visible()
    with transaction() as db:
        made = db.scalars(select(Issue).order_by(Issue.created_at.desc()).limit(1)).one()
        content = drafts.strict(made.content)
    assert content.title == "Un hiver solidaire"
    assert {block.kind for block in content.blocks} == {"masthead", "heading", "article", "colophon"}
    assert content.images()[-1].alt == "Un portrait dessiné"


def _write_article(page: Page) -> None:
    _add(page, "Article")
    _save(page)  # nothing typed yet: it is kept, and says what is missing
    expect(page.get_by_role("link", name="Titre", exact=True)).to_be_visible()
    page.get_by_label("Titre", exact=True).fill("Un hiver solidaire")
    page.get_by_label("Texte", exact=True).fill("Les lieux **ouvrent**.\n\n- Lille\n- Arras")
    page.locator("summary", has_text="Image").click()
    page.get_by_label("Fichier", exact=True).set_input_files(PICTURE)
    _save(page)
    expect(page.get_by_text("Dites ce que montre l’image").first).to_be_visible()
    page.get_by_label("Ce que montre l’image", exact=True).fill("Un portrait dessiné")
    page.locator("summary", has_text="Liens").click()
    page.get_by_label("Mots du lien").fill("La carte des lieux ouverts")
    page.get_by_label("Adresse", exact=True).fill("https://www.hauts-de-france.gouv.fr/carte")
    _save(page)
    expect(page.get_by_role("status")).to_contain_text("C’est enregistré.")


def _write_heading(page: Page) -> None:
    _add(page, "Titre de rubrique")
    page.get_by_label("Titre de la rubrique").fill("Le focus du mois")
    _save(page)
    page.get_by_role("button", name=re.compile(r"Monter \d+, Titre de rubrique")).click()
    expect(page.get_by_role("status")).to_contain_text("à la place")


def _write_head(page: Page) -> None:
    page.get_by_role("link", name="Modifier l’objet et l’aperçu").click()
    page.get_by_label("Titre du numéro").fill("Un hiver solidaire")
    page.get_by_label("Objet", exact=True).fill("Un hiver solidaire : les lieux qui ouvrent")
    page.get_by_label("Aperçu", exact=True).fill("La carte, et comment aider.")
    _save(page)


def _remove_and_put_back(page: Page) -> None:
    page.locator("li", has_text="Article").locator("summary").click()
    page.locator("li", has_text="Article").get_by_role("button", name="Retirer").click()
    page.get_by_role("button", name="Annuler", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("est annulée")


def test_two_tabs_on_one_block_lose_nothing(page: Page, site: Site) -> None:
    _log_in(page, site)
    first, second = page, page.context.new_page()
    for tab in (first, second):
        tab.goto(f"{site.url}/desk/issues/{site.draft}/compose")
        tab.get_by_role("link", name="Modifier 3, Titre de rubrique").click()
    for tab, words in ((first, "Le premier"), (second, "Le second")):
        tab.get_by_label("Titre de la rubrique").fill(words)
        _save(tab)
    expect(second.get_by_text("a été modifié pendant que vous écriviez")).to_be_visible()
    expect(second.get_by_label("Titre de la rubrique")).to_have_value("Le second")
    expect(second.get_by_text("Le premier")).to_be_visible()
    _save(second)
    expect(second.get_by_text("Le second", exact=True)).to_be_visible()
