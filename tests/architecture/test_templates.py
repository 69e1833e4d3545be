"""Pages are made of components: none writes a field or a button by hand, or has a style of its own."""

import re
from pathlib import Path

import pytest

from mailer.core.paths import templates_dir

WEB, DEMO = templates_dir() / "web", templates_dir() / "demo"
STYLES = WEB / "static"
COMPONENTS = WEB / "components.html"
BY_HAND = re.compile(
    r'<(?:button|input|select|textarea)\b|class="(?:[^"]*\s)?(?:button|field|alert|badge)[\s"]'
)
QUOTED = {WEB / "embed_code.html"}  # shows the HTML of a form to those who would paste it
INLINE = re.compile(r'<style\b|\sstyle="|\son[a-z]+="|<script(?![^>]*\bsrc=)')
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(")
CLASS = re.compile(r"\.(-?[a-zA-Z][\w-]*)")

pages = pytest.mark.parametrize(
    "page", sorted([*WEB.rglob("*.html"), *DEMO.glob("*.html")]), ids=lambda page: page.name
)
sheets = pytest.mark.parametrize("sheet", sorted(STYLES.glob("*.css")), ids=lambda sheet: sheet.name)


def _source(page: Path) -> str:
    """Return a template without its comments."""
    return re.sub(r"\{#.*?#\}", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


@pages
def test_no_page_writes_a_component_by_hand(page: Path) -> None:
    if page != COMPONENTS:
        assert BY_HAND.findall(_source(page)) == []


@pages
def test_no_page_has_a_style_or_a_script_of_its_own(page: Path) -> None:
    """The content security policy would refuse it."""
    if page not in QUOTED:
        assert INLINE.findall(_source(page)) == []


@sheets
def test_colours_are_tokens(sheet: Path) -> None:
    """The letter's frame is white, and the link that skips to it black on white, in every theme."""
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    fixed = {"#fff", "#161616"} if sheet.name in {"desk.css", "reader.css"} else set()
    if sheet.name != "tokens.css":
        text = re.sub(r"#[a-zA-Z][\w-]*(?=[\s:{.,\[])(?=[^;{}]*\{)", "", text)  # an element, not a colour
        assert set(COLOUR.findall(text)) <= fixed


@sheets
def test_every_token_that_is_used_is_defined(sheet: Path) -> None:
    defined = set(re.findall(r"(--[\w-]+):", (STYLES / "tokens.css").read_text(encoding="utf-8")))
    assert set(re.findall(r"var\((--[\w-]+)", sheet.read_text(encoding="utf-8"))) <= defined


@sheets
def test_every_style_has_its_use(sheet: Path) -> None:
    """A class that no page, no letter and no script wears is dead."""
    text = re.sub(r"/\*.*?\*/|url\([^)]*\)", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    styled = {name for rule in re.findall(r"([^{}]+)\{", text) for name in CLASS.findall(rule)}
    worn = " ".join(_source(each) for each in templates_dir().rglob("*.*ml"))
    worn += " ".join(each.read_text(encoding="utf-8") for each in STYLES.glob("*.js"))
    dead = {name for name in styled if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", worn)}
    built = re.compile(r"(?:button|alert|badge|fill)-\w+")  # by a macro, from what it is told
    assert {name for name in dead if not built.fullmatch(name)} == set()
