"""What is typed is kept: a tab is killed, the network cut, a session over, and others write too."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from playwright.sync_api import Error as Crashed
from sqlalchemy import delete

from mailer.core.db import transaction, utcnow
from mailer.issues import composing, drafts
from mailer.issues.drafts import Values
from mailer.issues.models import Issue
from mailer.staff import accounts
from mailer.staff.models import StaffSession
from tests.browser.composer import (
    HEADING,
    again,
    blocks,
    browsing,
    compose,
    heading,
    log_in,
    open_heading,
    saved,
    write,
)
from tests.browser.conftest import Site
from tests.support.axe import look
from tests.support.desk_rows import PASSWORD
from tests.support.waiting import until

pytestmark = pytest.mark.browser
OTHER = "paul@example.org"
ANOTHER = 8  # the place of another heading in the example letter
SAVES = re.compile(r"/compose/blocks/\w+(\?.*)?$")


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    yield from browsing(browser)


@pytest.fixture
def other(browser: Browser) -> Iterator[BrowserContext]:
    """The browser of somebody else."""
    yield from browsing(browser)


def elsewhere(site: Site, act: Callable[[Any, Issue, Values], object], place: int = HEADING) -> None:
    """Something happens to a block that no page of the test knows of."""
    with transaction() as db:
        issue = db.get_one(Issue, site.draft)
        act(db, issue, drafts.identified(issue.content)["blocks"][place - 1])


def kill(page: Page) -> None:
    """End the tab's process, which has no time for a last word."""
    with suppress(Crashed), page.expect_event("crash"):
        page.goto("chrome://crash")
    page.close()


def refuse_saves(page: Page) -> None:
    page.route(SAVES, lambda route: route.abort() if route.request.method == "POST" else route.continue_())


def _theirs(db: Any, issue: Issue, block: Values) -> None:
    composing.save_block(
        db, issue, block["id"], {"kind": "heading", "text": "La leur"}, revision=block["revision"]
    )


def _gone(db: Any, issue: Issue, block: Values) -> None:
    composing.remove(db, issue, block["id"], revision=block["revision"])


def test_words_are_saved_by_themselves_and_the_outline_follows(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    open_heading(page)
    page.keyboard.press("Control+a")
    page.keyboard.type("Tapé d’une traite, sans rien enregistrer")
    saved(page)
    assert heading(site) == "Tapé d’une traite, sans rien enregistrer"
    expect(page.get_by_role("link", name="Modifier 3, Titre de rubrique : Tapé d’une traite")).to_be_visible()
    expect(page.get_by_label("Titre de la rubrique")).to_be_focused()
    inside = page.frame_locator("[data-look] iframe:not(.arriving)")
    expect(inside.get_by_role("heading", name="Tapé d’une traite")).to_be_visible()
    look(page, exclude="iframe")


def test_a_tab_that_is_killed_in_mid_word_gives_its_words_back(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    open_heading(page)
    refuse_saves(page)
    write(page, "Un mot qui n’est pas fi")
    kill(page)
    assert heading(site) == "Le focus du mois"
    page = again(context.new_page(), site)
    expect(page.get_by_text("n’ont pas été enregistrés")).to_be_visible()
    expect(page.get_by_text("Un mot qui n’est pas fi")).to_be_visible()
    look(page, exclude="iframe")
    page.get_by_role("button", name="Les reprendre").click()
    expect(page.get_by_label("Titre de la rubrique")).to_have_value("Un mot qui n’est pas fi")
    saved(page)
    assert heading(site) == "Un mot qui n’est pas fi"
    again(page, site)
    expect(page.get_by_role("link", name="Modifier 3, Titre de rubrique : Un mot")).to_be_visible()
    expect(page.get_by_text("n’ont pas été enregistrés")).to_have_count(0)


def test_words_of_a_killed_tab_write_over_nobody(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    open_heading(page)
    refuse_saves(page)
    write(page, "La mienne")
    kill(page)
    elsewhere(site, _theirs)
    page = again(context.new_page(), site)
    page.get_by_role("button", name="Les reprendre").click()
    expect(page.get_by_role("heading", name="L’autre version")).to_be_visible()
    assert heading(site) == "La leur"
    page.get_by_role("button", name="Garder ma version").click()
    saved(page)
    assert heading(site) == "La mienne"


def test_words_of_a_killed_tab_are_no_conflict_with_what_they_had_saved(
    context: BrowserContext, site: Site
) -> None:
    """The answer to the last save never came: the block is newer, but by the same hand."""
    page = compose(context, site)
    open_heading(page)
    page.route(SAVES, _reach_and_lose)
    write(page, "Une phrase")
    expect(page.locator("[data-state]")).to_contain_text("la connexion est coupée")
    assert heading(site) == "Une phrase"
    write(page, "Une phrase, et la suite")
    kill(page)
    page = again(context.new_page(), site)
    page.get_by_role("button", name="Les reprendre").click()
    saved(page)
    assert heading(site) == "Une phrase, et la suite"


def _reach_and_lose(route: Route) -> None:
    """The service takes it, and its answer is lost on the way."""
    if route.request.method == "POST":
        route.fetch()
        route.abort()
    else:
        route.continue_()


def test_an_answer_that_is_lost_is_no_conflict(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    open_heading(page)
    page.route(SAVES, _reach_and_lose)
    write(page, "Prem")
    expect(page.locator("[data-state]")).to_contain_text("la connexion est coupée")
    write(page, "Premier")
    page.unroute(SAVES)
    saved(page)
    assert heading(site) == "Premier"
    expect(page.locator(".conflict")).to_have_count(0)


def test_a_network_that_is_cut_is_told_calmly_and_waited_for(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    open_heading(page)
    context.set_offline(True)
    write(page, "Écrit sans")
    expect(page.locator("[data-state]")).to_contain_text("Pas encore enregistré : la connexion est coupée")
    expect(page.locator("[data-live]")).to_contain_text("la connexion est coupée")
    write(page, "Écrit sans réseau")
    look(page, exclude="iframe")
    assert heading(site) == "Le focus du mois"
    context.set_offline(False)
    saved(page)
    expect(page.locator("[data-live]")).to_contain_text("La connexion est revenue")
    assert heading(site) == "Écrit sans réseau"


def test_leaving_with_words_that_are_not_saved_is_asked_about(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    open_heading(page)
    context.set_offline(True)
    write(page, "À ne pas perdre")
    with page.expect_event("dialog") as asked:
        page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    expect(page.get_by_label("Titre de la rubrique")).to_have_value("À ne pas perdre")
    context.set_offline(False)
    saved(page)


def test_a_session_that_ended_asks_to_sign_in_and_is_no_conflict(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    open_heading(page)
    with transaction() as db:
        db.execute(delete(StaffSession))
    write(page, "Après la pause")
    expect(page.locator("[data-state]")).to_contain_text("votre session est terminée")
    expect(page.locator(".conflict")).to_have_count(0)
    look(page, exclude="iframe")
    with context.expect_page() as opened:
        page.get_by_role("link", name="Se connecter dans un autre onglet").click()
    log_in(opened.value, site)
    page.bring_to_front()
    saved(page)
    assert heading(site) == "Après la pause"
    expect(page.locator(".conflict")).to_have_count(0)


def test_a_service_that_is_restarted_has_everything(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    open_heading(page)
    site.stop()
    write(page, "Pendant l’arrêt")
    expect(page.locator("[data-state]")).to_contain_text("Pas encore enregistré")
    site.start()
    saved(page)
    assert heading(site) == "Pendant l’arrêt"


@pytest.mark.parametrize(
    ("button", "kept"),
    [
        ("Garder ma version", ["La seconde"]),
        ("Garder l’autre version", ["La première"]),
        ("Garder les deux", ["La seconde", "La première"]),
    ],
)
def test_two_tabs_on_one_block_choose_what_stays(
    context: BrowserContext, site: Site, button: str, kept: list[str]
) -> None:
    first, second = compose(context, site), again(context.new_page(), site)
    for tab in (first, second):
        tab.bring_to_front()
        open_heading(tab)
    first.bring_to_front()
    write(first, "La première")
    saved(first)
    second.bring_to_front()
    write(second, "La seconde")
    expect(second.get_by_role("heading", name="Votre version")).to_be_visible()
    expect(second.locator(".versions")).to_contain_text("La première")
    expect(second.get_by_label("Titre de la rubrique")).to_have_value("La seconde")
    assert heading(site) == "La première"
    look(second, exclude="iframe")
    second.get_by_role("button", name=button, exact=True).click()
    expect(second.locator(".conflict")).to_have_count(0)
    until(lambda: [heading(site, HEADING + at) for at in range(len(kept))] == kept)
    expect(second.get_by_label("Titre de la rubrique")).to_have_value(kept[0])


def test_two_people_on_different_blocks_never_meet(
    context: BrowserContext, other: BrowserContext, site: Site
) -> None:
    _invite()
    mine, theirs = compose(context, site), compose(other, site, OTHER)
    open_heading(mine)
    open_heading(theirs, ANOTHER)
    write(mine, "Chez moi")
    write(theirs, "Chez Paul")
    for page in (mine, theirs):
        saved(page)
    write(mine, "Chez moi encore")
    until(lambda: heading(site) == "Chez moi encore")
    assert heading(site, ANOTHER) == "Chez Paul"
    for page in (mine, theirs):
        expect(page.locator(".conflict")).to_have_count(0)


def test_two_people_on_one_block_are_told_of_each_other(
    context: BrowserContext, other: BrowserContext, site: Site
) -> None:
    _invite()
    mine = compose(context, site)
    open_heading(mine)
    theirs = compose(other, site, OTHER)
    row = theirs.locator(".piece", has_text="Le focus du mois")
    expect(row.get_by_text("Léa Martin écrit ici.")).to_be_visible()
    open_heading(theirs)
    write(mine, "De Léa")
    saved(mine)
    write(theirs, "De Paul")
    expect(theirs.locator(".versions")).to_contain_text("De Léa")
    mine.close()
    expect(row.get_by_text("Léa Martin écrit ici.")).to_be_visible()
    theirs.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # asks at once
    expect(row.get_by_text("Léa Martin écrit ici.")).to_be_hidden()


def _invite() -> None:
    with transaction() as db:
        accounts.create(db, email=OTHER, name="Paul Durand", password=PASSWORD, now=utcnow())


@pytest.mark.parametrize("back", [True, False])
def test_a_block_that_is_removed_while_one_types_in_it(
    context: BrowserContext, site: Site, back: bool
) -> None:
    page = compose(context, site)
    open_heading(page)
    many = len(blocks(site))
    elsewhere(site, _gone)
    write(page, "Toujours là")
    expect(page.get_by_text("Ce bloc a été retiré de la lettre pendant que vous écriviez")).to_be_visible()
    expect(page.get_by_label("Titre de la rubrique")).to_have_value("Toujours là")
    look(page, exclude="iframe")
    if back:
        page.get_by_role("button", name="Le remettre à la fin de la lettre").click()
        until(lambda: heading(site, many) == "Toujours là")
        expect(page.get_by_label("Titre de la rubrique")).to_have_value("Toujours là")
    else:
        page.get_by_role("button", name="Abandonner mes mots").click()
        expect(page.locator(".piece")).to_have_count(many - 1)
        assert len(blocks(site)) == many - 1


def test_the_head_is_saved_by_itself_and_compared_too(context: BrowserContext, site: Site) -> None:
    page = compose(context, site)
    page.get_by_role("link", name="Modifier l’objet et l’aperçu").click()
    page.get_by_label("Objet", exact=True).fill("Un objet de quarante-trois signes, à couper")
    expect(page.locator(".inbox-phone strong")).to_have_text("Un objet de quarante-trois signes, à co…")
    expect(page.get_by_text("Longueur de l’objet : 43.")).to_be_visible()
    saved(page)
    with transaction() as db:
        issue = db.get_one(Issue, site.draft)
        document = drafts.identified(issue.content)
        assert document["subject"] == "Un objet de quarante-trois signes, à couper"
        composing.save_head(db, issue, {"subject": "Le leur"}, revision=document["revision"])
    page.get_by_label("Objet", exact=True).fill("Le mien")
    expect(page.locator(".versions")).to_contain_text("Le leur")
    look(page, exclude="iframe")
    page.get_by_role("button", name="Garder l’autre version").click()
    expect(page.get_by_label("Objet", exact=True)).to_have_value("Le leur")
