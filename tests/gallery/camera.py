"""Takes a page as it is on a desk, in a hand, and in the narrowest of windows, in light and in the dark."""

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Literal, cast

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, FloatRect, Page, StorageState, sync_playwright

from tests.gallery.site import NAME

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = {1280: 800, 390: 844, 320: 640}  # CSS pixels: the width of the window, and its height
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TALLEST = 16_000  # CSS pixels: of a page, no more is kept: the browser's own bound is near
PATIENCE = 180_000  # ms: the machine may have other work
COLOURS, APART = 64, 10  # a page has few
SHOWN = 1600  # CSS pixels: of a page, a document shows no more


@contextmanager
def chromium(port: int) -> Iterator[Browser]:
    """A browser for which NAME is this machine."""
    arguments = [f"--host-resolver-rules=MAP {NAME}:80 127.0.0.1:{port}", "--font-render-hinting=none"]
    if not os.geteuid():
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=arguments, env={**os.environ, "LANGUAGE": "fr"}
        )
        yield browser
        browser.close()


def visitor(browser: Browser, *, lang: str = "fr", badge: StorageState | None = None) -> BrowserContext:
    """Somebody new: without a cookie, or with those of whoever went before."""
    context = browser.new_context(
        locale={"fr": "fr-FR", "en": "en-GB"}[lang], reduced_motion="reduce", timezone_id="Europe/Paris",
        storage_state=badge,
    )  # fmt: skip
    context.set_default_timeout(PATIENCE)
    return context


def name_of(shot: str, width: int, scheme: str) -> str:
    """Name a picture, without its suffix: home-1280-light."""
    return f"{shot}-{width}-{scheme}"


def take(page: Page, shot: str, scheme: str, folder: Path) -> None:
    """Write what the page shows now, at every width, as PNG."""
    page.wait_for_load_state("networkidle")
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0); document.fonts.ready")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (
            f"{shot} is wider than {width} px"
        )
        long = page.evaluate("document.documentElement.scrollHeight")
        clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": min(max(long, height), TALLEST)}
        page.screenshot(full_page=True, clip=clip, path=folder / f"{name_of(shot, width, scheme)}.png")


def keep(picture: Path, folder: Path) -> None:
    """Write a picture small and sharp, for a document: WebP of few colours, cut."""
    shot = Image.open(BytesIO(picture.read_bytes())).convert("RGB")
    shot = shot.crop((0, 0, shot.width, min(shot.height, SHOWN)))
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in _palette(shot) for part in colour])
    few = shot.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB")
    few.save(folder / f"{picture.stem}.webp", lossless=True)


def _palette(shot: Image.Image) -> list[tuple[int, ...]]:
    """The commonest colours, each apart from those before it; filled up to the 256 of a palette.

    A small mark whose colour means something keeps it so.
    """
    counted = cast("list[tuple[int, tuple[int, ...]]]", shot.getcolors(1 << 24))
    chosen: list[tuple[int, ...]] = []
    for _, colour in sorted(counted, reverse=True):
        if len(chosen) < COLOURS and all(math.dist(colour, other) > APART for other in chosen):
            chosen.append(colour)
    return chosen + chosen[-1:] * (256 - len(chosen))
