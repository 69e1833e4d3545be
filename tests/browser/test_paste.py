"""What is pasted becomes the few constructs of a text: two hundred pastes, each read again as letters are."""

import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from playwright.sync_api import Browser, Page

from mailer.core.paths import templates_dir
from mailer.rendering import links, markdown
from mailer.rendering.markdown_check import problems
from tests.support.pastes import SHAPES, Piece, Run, text_of

pytestmark = pytest.mark.browser
PASTES = 200
SCRIPT = (templates_dir() / "web" / "static" / "paste.js").read_text(encoding="utf-8")
MILD = {"md_bare"}
Words = list[tuple[str, bool, bool, str]]  # a character, bold, italic, where it leads


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page()
    opened.add_script_tag(
        content=re.sub(r"^export ", "", SCRIPT, flags=re.MULTILINE) + "\nwindow.toMarkdown = toMarkdown;"
    )
    yield opened
    opened.close()


def converted(page: Page, source: str) -> str:
    return str(page.evaluate("html => toMarkdown(html)", source))


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_pasted_says_the_same(page: Page, shape: str) -> None:
    for seed in range(PASTES // len(SHAPES)):
        random = Random(f"{shape} {seed}")  # noqa: S311 -- the same ones each time
        pieces = text_of(random)
        text = converted(page, SHAPES[shape](pieces))
        told = f"{shape} {seed}: {text}"
        assert read(text) == [expected(piece) for piece in pieces], told
        assert [each for each in problems(text) if each.code not in MILD] == [], told
        assert "mso" not in text.lower(), told


def expected(piece: Piece) -> tuple[str, int, Words]:
    if piece.kind == "row":
        runs = [Run(" – ".join(piece.cells))]
    else:
        runs = [
            Run(r.text, r.bold or piece.kind == "heading", r.italic, links.normal(r.href)) for r in piece.runs
        ]
    kind = {"heading": "paragraph", "row": "bullet"}.get(piece.kind, piece.kind)
    return kind, piece.level, _characters(runs)


def read(text: str) -> list[tuple[str, int, Words]]:
    """The pieces of a Markdown, read by the parser of the letters."""
    found: list[tuple[str, int, Words]] = []
    lists: list[str] = []
    for token in markdown._parsed(text):
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            lists.append("bullet" if token.type.startswith("bullet") else "number")
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            lists.pop()
        elif token.type == "inline":
            kind = lists[-1] if lists else "paragraph"
            found.append((kind, max(len(lists) - 1, 0), _characters(_runs(token.children or []))))
    return found


def _runs(tokens: list[Token]) -> list[Run]:
    style: dict[str, Any] = {"bold": False, "italic": False, "href": ""}
    runs = []
    for token in tokens:
        if token.type in {"strong_open", "strong_close"}:
            style["bold"] = token.type == "strong_open"
        elif token.type in {"em_open", "em_close"}:
            style["italic"] = token.type == "em_open"
        elif token.type == "link_open":
            style["href"] = str(token.attrGet("href"))
        elif token.type == "link_close":
            style["href"] = ""
        else:
            runs.append(Run(" " if token.type in {"softbreak", "hardbreak"} else token.content, **style))
    return runs


def _characters(runs: list[Run]) -> Words:
    """Every sign that is no space, with its style; signs between words may lose theirs to the marks."""
    return [
        (sign, run.bold if sign.isalnum() else False, run.italic if sign.isalnum() else False, run.href)
        for run in runs
        for sign in run.text
        if not sign.isspace()
    ]


def test_two_lines_of_an_address_stay_two_lines(page: Page) -> None:
    text = converted(page, "<p>Commissariat<br>12 rue de Lille<br><br>Accueil</p>")
    html = MarkdownIt("commonmark").render(text)
    assert html == "<p>Commissariat<br />\n12 rue de Lille</p>\n<p>Accueil</p>\n"


def test_nothing_of_its_look_and_nothing_that_acts_comes_along(page: Page) -> None:
    hostile = (
        '<p style="color:red;font-size:30px">Un <a href="javascript:alert(1)">lien</a> et '
        '<a href="file:///C:/x.docx">un fichier</a><img src=x onerror=alert(1)></p><script>alert(1)</script>'
    )
    assert converted(page, hostile) == "Un lien et un fichier"


def test_a_table_with_headers_says_them_in_each_row(page: Page) -> None:
    table = "<table><tr><th>Lieu</th><th>Jour</th></tr><tr><td>Lille</td><td>lundi</td></tr></table>"
    assert converted(page, table) == "- Lieu\u00a0: Lille\u00a0; Jour\u00a0: lundi"


def test_a_table_that_holds_a_page_together_is_what_it_holds(page: Page) -> None:
    source = "<table><tr><td><table><tr><td><p>Un</p><p>Deux</p></td></tr></table></td></tr></table>"
    assert converted(page, source) == "Un\n\nDeux"


def test_a_merge_field_that_is_pasted_stays_one(page: Page) -> None:
    assert converted(page, '<p>Bonjour {{ name | "à vous" }}</p>') == 'Bonjour {{ name | "à vous" }}'
