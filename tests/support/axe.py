"""What a browser sees of a page that a person could stumble over."""

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page

NARROWEST = 320  # CSS pixels, WCAG 1.4.10
# What axe finds in order is not handed over: it is long, and nobody reads it.
RUN = """context => axe.run(context ?? document, {resultTypes: ["violations"]})
    .then(({violations, url}) => ({violations, url}))"""


def look(page: Page, *, exclude: str = "") -> None:
    """Nothing that axe finds, and no sideways scrolling, also zoomed to 200 % on a desktop."""
    page.wait_for_load_state("load")  # the words may be there before the styles are
    page.evaluate(AXE_SCRIPT)
    found = AxeResults(page.evaluate(RUN, {"exclude": [[exclude]]} if exclude else None))
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    assert page.viewport_size
    usual = page.viewport_size["width"]
    for width in sorted({usual, max(usual // 2, NARROWEST)}, reverse=True):
        page.set_viewport_size({"width": width, "height": 800})
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{page.url} is {wide} px too wide in {width} px"
    page.set_viewport_size({"width": usual, "height": 800})
