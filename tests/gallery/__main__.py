"""`make pages`: photograph every page, and write docs/pages/README.md."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import click
from jinja2 import Environment, FileSystemLoader
from playwright.sync_api import Browser, Page, StorageState

from mailer.core.embedded import Unavailable
from tests.gallery import camera
from tests.gallery import site as house
from tests.gallery.sample_data import LEA, PASSWORD, furnish
from tests.gallery.shots import CHAPTERS, DESK, SHOTS, Shot
from tests.gallery.steps import fill, press
from tests.support.axe import look
from tests.support.rights_links import open_session

PAGES = Path(__file__).parents[2] / "docs" / "pages"


@click.command("pages")
@click.option("--only", default="", help="Those whose names begin so.")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), default=PAGES, help="Another folder.")
def main(*, only: str, to: Path) -> None:
    """Photograph the pages of the product, once nothing on them makes a person stumble."""
    if camera.CHROMIUM is None:
        raise click.ClickException("no Chromium is installed here: pages are photographed in one")
    to.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="mailer-pages-") as name, house.opened(Path(name)) as opened:
            photograph(opened, [shot for shot in SHOTS if shot.name.startswith(only)], to)
    except Unavailable as error:
        raise click.ClickException(str(error)) from None
    tidy(to)
    (to / "README.md").write_text(gallery(), encoding="utf-8")


def photograph(opened: house.House, shots: list[Shot], to: Path) -> None:
    """Take them, one after the other: some change what the next ones show."""
    links = furnish(opened)
    with camera.chromium(opened.port) as browser:
        badge = _log_in(browser)
        for shot in shots:
            click.echo(shot.name, err=True)
            with _page(browser, shot, badge) as page:
                page.goto(f"{opened.given.public_url}{shot.path.format(**links)}")
                for step in shot.does:
                    step(page, links)
                if not shot.path.endswith("/preview"):  # a mail has no landmarks
                    look(page, exclude="iframe")
                camera.take(page, shot.name, to)


@contextmanager
def _page(browser: Browser, shot: Shot, badge: StorageState) -> Iterator[Page]:
    staff = badge if shot.who == DESK else None
    context = camera.visitor(browser, lang=shot.lang, dark=shot.dark, badge=staff)
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


def tidy(folder: Path) -> None:
    """Drop the pictures that no shot takes any more."""
    wanted = {f"{shot.name}{suffix}.webp" for shot in SHOTS for suffix in camera.SIZES}
    for each in folder.iterdir():
        if each.suffix in {".png", ".webp"} and each.name not in wanted:
            each.unlink()


def gallery() -> str:
    """The page that shows them all."""
    made = Environment(loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True, autoescape=True)
    return made.get_template("README.md.jinja").render(chapters=CHAPTERS)


if __name__ == "__main__":
    main()
