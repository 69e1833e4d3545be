"""Takes a page as it is on a desk and in a hand, and keeps both small and sharp: WebP of few colours, cut."""

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import cast

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, FloatRect, Page, StorageState, sync_playwright

from tests.gallery.site import NAME

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SIZES = {"": (1280, 800, 1600), "-mobile": (390, 844, 1400)}  # CSS pixels: the window, and the most one keeps
PATIENCE = 180_000  # ms: the machine may have other work
COLOURS, APART = 64, 10  # a page has few: so the whole set weighs some 4 MB


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


def visitor(
    browser: Browser, *, lang: str = "fr", dark: bool = False, badge: StorageState | None = None
) -> BrowserContext:
    """Somebody new: without a cookie, or with those of whoever went before."""
    context = browser.new_context(
        locale={"fr": "fr-FR", "en": "en-GB"}[lang], color_scheme="dark" if dark else "light",
        reduced_motion="reduce", timezone_id="Europe/Paris", storage_state=badge,
    )  # fmt: skip
    context.set_default_timeout(PATIENCE)
    return context


def take(page: Page, name: str, folder: Path) -> None:
    """Both pictures of what the page shows now."""
    page.wait_for_load_state("networkidle")
    for suffix, (width, height, most) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0); document.fonts.ready")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (
            f"{name} is wider than {width} px"
        )
        long = page.evaluate("document.documentElement.scrollHeight")
        clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": min(max(long, height), most)}
        _keep(page.screenshot(full_page=True, clip=clip), folder / f"{name}{suffix}.webp")


def _keep(png: bytes, file: Path) -> None:
    """In the colours that most of it is drawn in: a small mark whose colour means something keeps it."""
    shot = Image.open(BytesIO(png)).convert("RGB")
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in _palette(shot) for part in colour])
    shot.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB").save(file, lossless=True)


def _palette(shot: Image.Image) -> list[tuple[int, ...]]:
    """The commonest colours, each apart from those before it; filled up to the 256 of a palette."""
    counted = cast("list[tuple[int, tuple[int, ...]]]", shot.getcolors(1 << 24))
    chosen: list[tuple[int, ...]] = []
    for _, colour in sorted(counted, reverse=True):
        if len(chosen) < COLOURS and all(math.dist(colour, other) > APART for other in chosen):
            chosen.append(colour)
    return chosen + chosen[-1:] * (256 - len(chosen))
