"""`make pages`: photograph every page into build/pages, and, if asked, keep the dozen of docs/pages."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import click
from jinja2 import Environment, FileSystemLoader
from playwright.sync_api import Browser, Page, StorageState

from mailer.core.embedded import Unavailable
from tests.gallery import camera, criteria
from tests.gallery import site as house
from tests.gallery.criteria import Criteria
from tests.gallery.sample_data import LEA, PASSWORD, furnish
from tests.gallery.shots import CHAPTERS, DESK, KEPT, SHOTS, Shot
from tests.gallery.steps import fill, press
from tests.support.axe import look
from tests.support.rights_links import open_session

ROOT = Path(__file__).parents[2]
_PAGES = ("mode=text", "mode=reading")  # previews that are pages of ours
BUILT, PAGES = ROOT / "build" / "pages", ROOT / "docs" / "pages"


@click.command("pages")
@click.option("--only", default="", help="Those whose names begin so.")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), default=BUILT, help="Another folder.")
@click.option("--keep", is_flag=True, help="Renew the pictures of docs/pages that are among them.")
def main(*, only: str, to: Path, keep: bool) -> None:
    """Photograph the pages of the product, once nothing on them makes a person stumble."""
    if camera.CHROMIUM is None:
        raise click.ClickException("no Chromium is installed here: pages are photographed in one")
    to.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="mailer-pages-") as name, house.opened(Path(name)) as opened:
            tested = photograph(opened, [shot for shot in SHOTS if shot.name.startswith(only)], to)
    except Unavailable as error:
        raise click.ClickException(str(error)) from None
    (to / "index.html").write_text(_rendered("index.html.jinja"), encoding="utf-8")
    if keep:
        _keep(to)
    if keep and not only:
        tested.write(criteria.KEPT, on=datetime.now(UTC).date())


def photograph(opened: house.House, shots: list[Shot], to: Path) -> Criteria:
    """Take them, one after the other: some change what the next ones show.  Return what was tested."""
    tested = Criteria()
    links = furnish(opened)
    with camera.chromium(opened.port) as browser:
        badge = _log_in(browser)
        for shot in shots:
            click.echo(shot.name, err=True)
            with _page(browser, shot, badge) as page:
                page.goto(f"{opened.given.public_url}{shot.path.format(**links)}")
                for step in shot.does:
                    step(page, links)
                for scheme in camera.SCHEMES:
                    page.emulate_media(color_scheme=scheme)
                    if "/preview" not in shot.path or shot.path.endswith(_PAGES):  # a mail has no landmarks
                        look(page, exclude="iframe")
                        tested.note(page, shot.name)
                    camera.take(page, shot.name, scheme, to)
    return tested


@contextmanager
def _page(browser: Browser, shot: Shot, badge: StorageState) -> Iterator[Page]:
    staff = badge if shot.who == DESK else None
    context = camera.visitor(browser, lang=shot.lang, badge=staff)
    if shot.who and not staff:
        url = f"http://{house.NAME}/rights"
        context.add_cookies([{"name": "rights", "value": _session(shot.who), "url": url}])
    yield context.new_page()
    context.close()


@cache
def _session(email: str) -> str:
    """One for each person: half an hour is long on a morning that stands still."""
    return open_session(email)


def _log_in(browser: Browser) -> StorageState:
    """What lets Léa into the desk."""
    context = camera.visitor(browser)
    page = context.new_page()
    page.goto(f"http://{house.NAME}/login")
    for step in (fill(email=LEA, password=PASSWORD), press("Se connecter")):
        step(page, {})
    badge = context.storage_state()
    context.close()
    return badge


def _keep(taken: Path) -> None:
    """Renew what the documents show, and drop what they show no more."""
    wanted = {camera.name_of(*kept) for kept in KEPT}
    for picture in PAGES.glob("*.webp"):
        if picture.stem not in wanted:
            picture.unlink()
    for name in wanted:
        if (taken / f"{name}.png").exists():
            camera.keep(taken / f"{name}.png", PAGES)
    (PAGES / "README.md").write_text(gallery(), encoding="utf-8")


def gallery() -> str:
    """Return the page that shows the pictures kept in docs/pages."""
    return _rendered("README.md.jinja")


def _rendered(template: str) -> str:
    made = Environment(loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True, autoescape=True)
    words = {shot.name: shot.words for shot in SHOTS}
    values = {"chapters": CHAPTERS, "kept": KEPT, "words": words, "name_of": camera.name_of}
    return made.get_template(template).render(values, widths=camera.WIDTHS, schemes=camera.SCHEMES)


if __name__ == "__main__":
    main()
