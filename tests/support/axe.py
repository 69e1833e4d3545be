"""What a browser sees of a page that a person could stumble over."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

NARROWEST = 320  # CSS pixels, WCAG 1.4.10


def look(page: Page, *, exclude: str = "") -> None:
    """Nothing that axe finds, and no sideways scrolling, also zoomed to 200 % on a desktop."""
    found = Axe().run(page, context={"exclude": [[exclude]]} if exclude else None)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    assert page.viewport_size
    usual = page.viewport_size["width"]
    for width in {usual, max(usual // 2, NARROWEST)}:
        page.set_viewport_size({"width": width, "height": 800})
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{page.url} is {wide} px too wide in {width} px"
    page.set_viewport_size({"width": usual, "height": 800})
