"""Pictures at the desk in a browser: dropped, pasted, cut and chosen, with script and without."""

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from mailer.core.db import transaction
from mailer.core.paths import templates_dir
from mailer.issues import drafts, stored_images
from mailer.issues.models import Issue
from tests.browser.conftest import Site
from tests.support.axe import look
from tests.support.desk_rows import EMAIL, PASSWORD
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.browser
PICTURE = templates_dir() / "examples" / "lettre" / "images" / "ecole.png"
GIVE = """([frame, type, name, kind, body]) => {
    const bytes = Uint8Array.from(atob(body), (c) => c.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], name, {type: kind}));
    const event = type === "drop"
        ? new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true})
        : new ClipboardEvent("paste", {clipboardData: files, bubbles: true, cancelable: true});
    document.querySelector(frame).dispatchEvent(event);
}"""


def _opened(browser: Browser, site: Site, *, script: bool = True, width: int = 1280) -> Page:
    context = browser.new_context(
        java_script_enabled=script, locale="fr-FR", viewport={"width": width, "height": 900},
        color_scheme="dark" if width < 400 else "light",
    )  # fmt: skip
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    page.goto(site.url + "/desk/")
    page.get_by_label("Adresse électronique").fill(EMAIL)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Numéros")
    return page


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    page = _opened(browser, site)
    noise: list[str] = []
    page.on("console", lambda told: noise.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: noise.append(str(error)))
    yield page
    page.context.close()
    assert [line for line in noise if "status of 4" not in line] == []


def _article(site: Site) -> str:
    """The form of the first block that has a picture, and not as its banner."""
    with transaction() as db:
        blocks = drafts.identified(db.get_one(Issue, site.draft).content)["blocks"]
        found = next(block for block in blocks if block["kind"] == "article" and block.get("image"))
    return f"{site.url}/desk/issues/{site.draft}/compose/blocks/{found['id']}"


def _picture(site: Site) -> tuple[str, int, int]:
    """The words of its picture, and its width and height, as they are kept."""
    with transaction() as db:
        issue = db.get_one(Issue, site.draft)
        blocks = drafts.identified(issue.content)["blocks"]
        image = next(block for block in blocks if block["kind"] == "article" and block.get("image"))["image"]
        stored = stored_images.named(db, issue.assets[image["src"]])
        assert stored
        return image["alt"], stored.width, stored.height


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_picture_that_is_dropped_or_pasted_is_shown_at_once_and_saved(
    page: Page, site: Site, how: str
) -> None:
    page.goto(_article(site))
    before = _picture(site)
    body = base64.b64encode(PICTURE.read_bytes()).decode()
    page.evaluate(GIVE, ["[data-picture]", how, "ma classe.png", "image/png", body])
    expect(page.locator("[data-picture-status]", has_text="ma classe.png")).to_be_visible()
    expect(page.get_by_role("img", name="ma classe.png")).to_be_visible()
    look(page, exclude="iframe")
    page.get_by_role("button", name="Enregistrer", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("C’est enregistré")
    with Image.open(PICTURE) as own:
        assert _picture(site) == (before[0], *own.size)


def test_what_is_too_heavy_is_told_before_it_is_sent(page: Page, site: Site, tmp_path: Path) -> None:
    heavy = tmp_path / "lourde.png"
    heavy.write_bytes(PICTURE.read_bytes() + bytes(10_000_000))
    page.goto(_article(site))
    page.get_by_label("Remplacer le fichier").set_input_files(heavy)
    expect(page.locator("[data-picture-status]", has_text="réduisez-la")).to_be_visible()
    assert page.get_by_label("Remplacer le fichier").input_value() == ""


def test_what_is_no_picture_is_told_beside_its_field(page: Page, site: Site) -> None:
    page.goto(_article(site))
    body = base64.b64encode(b"%PDF-1.7").decode()
    page.get_by_label("Titre", exact=True).fill("Un titre à garder")
    page.evaluate(GIVE, ["[data-picture]", "drop", "affiche.png", "image/png", body])
    page.get_by_role("button", name="Enregistrer", exact=True).click()
    expect(page.get_by_text("exportez la page voulue en PNG").last).to_be_visible()
    expect(page.get_by_label("Titre", exact=True)).to_have_value("Un titre à garder")
    look(page, exclude="iframe")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_picture_is_cut_by_keyboard(browser: Browser, site: Site, script: bool) -> None:
    page = _opened(browser, site, script=script)
    page.goto(_article(site))
    page.get_by_role("button", name="Recadrer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recadrer l’image")
    page.get_by_label("Comme elle est").focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")  # into the nine places, where one is chosen
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="au milieu à droite")).to_be_checked()
    if script:
        expect(page.get_by_alt_text("L’image, recadrée comme demandé")).to_have_attribute(
            "src", re.compile("focus=middle-right")
        )
    else:
        page.get_by_role("button", name="Voir le résultat").click()
    result = page.get_by_alt_text("L’image, recadrée comme demandé")
    size = Image.open(io.BytesIO(page.request.get(site.url + str(result.get_attribute("src"))).body())).size
    assert size[0] == size[1]
    if script:
        look(page)
    page.get_by_role("button", name="Recadrer l’image").click()
    expect(page.get_by_role("status")).to_contain_text("Son original est gardé")
    assert _picture(site)[1] == _picture(site)[2]
    page.get_by_role("button", name="Recadrer").click()
    page.get_by_role("button", name="Reprendre l’image entière").click()
    expect(page.get_by_role("status")).to_contain_text("Son original est gardé")
    page.context.close()


def test_enter_in_a_field_saves_and_goes_nowhere_else(page: Page, site: Site) -> None:
    page.goto(_article(site))
    page.get_by_label("Crédit").press("Enter")
    expect(page).to_have_url(re.compile("/compose(#|$)"))


def test_an_image_is_chosen_in_the_library(browser: Browser, site: Site) -> None:
    page = _opened(browser, site, script=False)
    page.goto(_article(site))
    page.get_by_label("Titre", exact=True).fill("Un titre d’abord")
    page.get_by_role("button", name="Choisir dans la bibliothèque").click()
    page.get_by_label("Chercher dans les noms").fill("ecole")
    page.get_by_role("button", name="Chercher").click()
    page.get_by_role("button", name="Choisir ecole.png").click()
    expect(page.get_by_role("status")).to_contain_text("L’image est dans le bloc")
    expect(page.get_by_label("Titre", exact=True)).to_have_value("Un titre d’abord")
    page.context.close()


@pytest.mark.parametrize("width", [1280, 320])
def test_the_pages_of_images(browser: Browser, site: Site, width: int) -> None:
    page = _opened(browser, site, width=width)
    page.goto(f"{site.url}/desk/newsletters")
    page.get_by_role("link", name="Les images de La lettre du commissariat").click()
    look(page)
    page.get_by_role("link", name="ecole.png").click()
    look(page)
    page.get_by_label("Ce que montre l’image").fill("photo")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("décrivez-la en une phrase")).to_be_visible()
    look(page)
    for path in ("", "/image/library", "/image/library?q=astronomie", "/image/crop"):
        page.goto(_article(site) + path)
        look(page, exclude="iframe")
    page.goto(f"{site.url}/desk/newsletters/appels/images")
    look(page)
    page.context.close()
