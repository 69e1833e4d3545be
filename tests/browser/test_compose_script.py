"""The composer with its script: forms in place, acts without a reload, tools, and where the focus goes."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from mailer.core.paths import templates_dir
from tests.browser.composer import (
    HEADING,
    blocks,
    browsing,
    compose,
    document,
    heading,
    open_heading,
    saved,
    write,
)
from tests.browser.conftest import Site
from tests.support.axe import look
from tests.support.waiting import until

pytestmark = pytest.mark.browser
PICTURE = templates_dir() / "examples" / "lettre" / "images" / "portrait.png"
WORD = (
    "<html><body><p class=MsoNormal style='mso-margin-top-alt:auto'>"
    "<b>Un hiver</b> <i>solidaire</i><o:p></o:p></p>"
    "<p class=MsoListParagraph style='mso-list:l0 level1 lfo1'>"
    "<span style='mso-list:Ignore'>·</span>Lille</p></body></html>"
)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    yield from browsing(browser)


def text_form(page: Page) -> Locator:
    """Add a block of text; return its field."""
    page.get_by_role("link", name="Ajouter un bloc", exact=True).click()
    page.get_by_role("button", name="Ajouter : Texte", exact=True).click()
    area = page.get_by_role("textbox", name="Texte", exact=True)
    expect(area).to_be_focused()
    return area


def told(page: Page, sentence: str) -> None:
    expect(page.locator("[data-live]")).to_contain_text(sentence)


def test_a_block_is_added_and_written_by_keyboard_alone(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    page.evaluate("window.here = true")
    page.get_by_role("link", name="Ajouter un bloc", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ajouter un bloc")).to_be_focused()
    look(page, exclude="iframe")
    page.get_by_role("button", name="Ajouter : Titre de rubrique", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Titre de la rubrique")).to_be_focused()
    told(page, "Le formulaire est ouvert")
    page.keyboard.type("La fin")
    saved(page)
    page.keyboard.press("Escape")
    expect(
        page.get_by_role("link", name=re.compile("^Modifier 16, Titre de rubrique : La fin"))
    ).to_be_focused()
    assert blocks(site)[-1]["text"] == "La fin"
    assert page.evaluate("window.here"), "the page was loaded anew"


def test_blocks_move_one_by_one_and_to_a_place(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    before = [block["id"] for block in blocks(site)]
    page.get_by_role("button", name=re.compile("^Monter 3,")).focus()
    page.keyboard.press("Enter")
    told(page, "à la place 2")
    expect(page.get_by_role("button", name=re.compile("^Monter 2, Titre de rubrique"))).to_be_focused()
    page.keyboard.press("Enter")
    told(page, "à la place 1")
    expect(page.get_by_role("button", name=re.compile("^Descendre 1, Titre de rubrique"))).to_be_focused()
    page.locator("summary", has_text="Plus 1,").click()
    page.get_by_label("Mettre à la place").locator("visible=true").select_option("5")
    page.get_by_role("button", name="Déplacer").locator("visible=true").click()
    told(page, "à la place 5")
    expect(page.get_by_role("link", name=re.compile("^Modifier 5, Titre de rubrique"))).to_be_focused()
    now = [block["id"] for block in blocks(site)]
    assert now == [before[0], before[1], before[3], before[4], before[2], *before[5:]]


def test_a_block_may_be_dragged_by_its_number(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    before = [block["id"] for block in blocks(site)]
    onto = page.locator(".piece").nth(4)
    box = onto.bounding_box()
    assert box
    page.locator(".piece-place").nth(1).drag_to(onto, target_position={"x": 20, "y": box["height"] - 4})
    told(page, "à la place 5")
    until(lambda: blocks(site)[4]["id"] == before[1])


def test_a_form_that_has_the_focus_is_never_drawn_again(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    open_heading(page)
    field = page.get_by_label("Titre de la rubrique")
    write(page, "Un titre")
    field.evaluate("field => { field.kept = true; field.setSelectionRange(2, 2); }")
    saved(page)
    page.evaluate("document.querySelector('[data-key=down]').click()")  # another block moves meanwhile
    told(page, "à la place 2")
    expect(page.get_by_label("Titre de la rubrique")).to_be_focused()
    assert field.evaluate("field => [field.kept, field.selectionStart, field.isConnected]") == [True, 2, True]


def test_blocks_are_doubled_removed_and_put_back(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    before = [block["id"] for block in blocks(site)]
    page.locator("summary", has_text="Plus 3,").click()
    page.get_by_role("button", name="Dupliquer").locator("visible=true").click()
    told(page, "en double")
    expect(page.get_by_role("link", name=re.compile("^Modifier 4, Titre de rubrique"))).to_be_focused()
    page.locator("summary", has_text="Plus 4,").click()
    page.get_by_role("button", name="Retirer").locator("visible=true").click()
    told(page, "Le bloc est retiré")
    expect(page.get_by_role("link", name=re.compile("^Modifier 4, Article"))).to_be_focused()
    assert [block["id"] for block in blocks(site)] == before
    page.keyboard.press("Control+z")
    told(page, "est annulée")
    expect(page.get_by_role("link", name=re.compile("^Modifier 4, Titre de rubrique"))).to_be_focused()
    assert len(blocks(site)) == len(before) + 1
    open_heading(page)
    write(page, "Retiré pendant qu’on l’écrit")
    page.locator("summary", has_text="Plus 3,").click()
    page.get_by_role("button", name="Retirer").locator("visible=true").click()
    told(page, "Le bloc est retiré")
    expect(page.locator("form[data-write]")).to_have_count(0)
    page.get_by_role("button", name="Annuler", exact=True).locator("visible=true").click()
    told(page, "est annulée")
    until(lambda: heading(site) == "Retiré pendant qu’on l’écrit")


def test_the_tools_write_marks_that_undo_takes_back(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    area = text_form(page)
    page.keyboard.type("Les lieux ouvrent")
    page.keyboard.press("Shift+Control+ArrowLeft")
    page.keyboard.press("Control+b")
    expect(area).to_have_value("Les lieux **ouvrent**")
    page.keyboard.press("Control+z")
    expect(area).to_have_value("Les lieux ouvrent")
    page.keyboard.press("Control+i")
    expect(area).to_have_value("Les lieux *ouvrent*")
    page.keyboard.press("Control+i")
    expect(area).to_have_value("Les lieux ouvrent")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("group", name="Lien").get_by_label("Adresse", exact=True)).to_be_focused()
    look(page, exclude="iframe")
    page.keyboard.type("www.exemple.fr/carte")
    page.keyboard.press("Enter")
    expect(area).to_be_focused()
    expect(area).to_have_value("Les lieux [ouvrent](https://www.exemple.fr/carte)")
    page.keyboard.press("End")
    page.get_by_role("button", name="Nom du lecteur").click()
    page.get_by_role("button", name="Insérer", exact=True).click()
    expect(area).to_have_value(
        'Les lieux [ouvrent](https://www.exemple.fr/carte){{ name | "madame, monsieur" }}'
    )
    page.get_by_role("button", name="Liste", exact=True).click()
    expect(area).to_have_value(re.compile(r"^- Les lieux"))
    saved(page)
    assert blocks(site)[-1]["text"].startswith("- Les lieux [ouvrent](https://www.exemple.fr/carte)")


def test_words_pasted_from_word_lose_their_look_and_nothing_else(context: BrowserContext, site: Site) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = compose(context, site)
    area = text_form(page)
    page.evaluate(
        """html => navigator.clipboard.write([new ClipboardItem({
            "text/html": new Blob([html], {type: "text/html"}),
            "text/plain": new Blob(["Un hiver solidaire"], {type: "text/plain"})})])""",
        WORD,
    )
    page.keyboard.press("Control+v")
    expect(area).to_have_value("**Un hiver** *solidaire*\n\n- Lille")
    expect(page.get_by_text("Le texte est collé sans ses polices")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(area).to_have_value("")


def test_parts_grow_and_a_picture_is_taken_without_a_button(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    page.get_by_role("link", name=re.compile("^Modifier 4, Article")).click()
    page.locator("summary", has_text="Ajouter : Liens").click()
    for place in (0, 1):
        page.locator(f'[name="links.{place}.label"]').fill(f"Lien {place}")
        page.locator(f'[name="links.{place}.url"]').fill(f"https://www.exemple.fr/{place}")
    saved(page)
    page.locator("summary", has_text="Ajouter : Image").click()
    page.get_by_label("Fichier", exact=True).set_input_files(PICTURE)
    expect(page.locator("img.group-picture")).to_be_visible()
    page.get_by_label("Ce que montre l’image", exact=True).fill("Un portrait dessiné")
    until(lambda: (blocks(site)[3].get("image") or {}).get("alt") == "Un portrait dessiné")
    block = blocks(site)[3]
    assert [link["label"] for link in block["links"]] == ["Lien 0", "Lien 1"]
    assert block["image"]["src"].startswith("images/")
    look(page, exclude="iframe")


def test_what_is_missing_is_told_as_one_goes(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    page.get_by_role("link", name=re.compile("^Modifier 4, Article")).click()
    page.get_by_label("Titre", exact=True).fill("")
    page.get_by_label("Titre", exact=True).press("Tab")
    row = page.locator(".piece", has=page.locator("form"))
    expect(row.get_by_text("À compléter : Titre.")).to_be_visible()
    expect(row.locator(".field-error")).to_have_text("À remplir avant l’envoi.")
    page.get_by_label("Titre", exact=True).fill("De nouveau")
    expect(row.locator(".field-error")).to_have_count(0)
    expect(row.get_by_text("À compléter")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [768, 320])
def test_a_form_is_at_home_on_every_screen(
    context: BrowserContext, site: Site, width: int, scheme: str
) -> None:
    page = compose(context, site)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    page.get_by_role("link", name=re.compile("^Modifier 4, Article")).click()
    expect(page.get_by_label("Titre", exact=True)).to_be_focused()
    expect(page.locator(".piece [data-look]")).to_be_visible()  # under the form, not beside it
    look(page, exclude="iframe")
    page.get_by_role("link", name="Modifier l’objet et l’aperçu").click()
    expect(page.get_by_label("Titre du numéro")).to_be_focused()
    look(page, exclude="iframe")


def test_a_link_of_the_checks_opens_its_block_here(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    page.get_by_role("link", name="Voir le bloc").first.click()
    expect(page.locator("form[data-write]")).to_be_visible()
    assert page.url.endswith("/compose")
    assert document(site)["order"] == 1
    assert heading(site, HEADING) == "Le focus du mois"
