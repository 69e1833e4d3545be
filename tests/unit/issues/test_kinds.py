"""Each kind of block, as the English example has it: the same words in both parts, and what a voice reads."""

import html
import re
from typing import Any

import pytest

from mailer.core.paths import templates_dir
from mailer.issues.blocks import KINDS, Content
from mailer.issues.pictures import Picture
from mailer.issues.render import Rendered, render
from mailer.issues.yaml_file import load
from mailer.rendering import markdown
from tests.unit.issues.conftest import HERE, PUBLICATION

LETTER = load(templates_dir() / "examples" / "letter-en" / "letter.yaml")[0]
UNSEEN = {"kind", "src", "url", "alt", "credit", "decorative", "width", "transcript"}
DATES = {"date", "start", "end", "deadline"}


def _rendered(kind: str) -> Rendered:
    blocks = tuple(block for block in LETTER.blocks if block.kind == kind)
    content = LETTER.model_copy(update={"blocks": blocks})
    pictures = {image.src: Picture(f"{HERE}/{image.src}", 1200) for image in content.images()}
    return render(content, PUBLICATION, pictures)


def _said(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _words(value: Any, name: str = "") -> list[str]:
    if isinstance(value, str) and name not in UNSEEN | DATES:
        return [" ".join(markdown.to_text(value).split())]
    parts = value.items() if isinstance(value, dict) else ()
    items = value if isinstance(value, list | tuple) else ()
    return [w for n, each in parts for w in _words(each, n)] + [
        w for each in items for w in _words(each, name)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_both_parts_say_the_same(kind: str) -> None:
    page = _rendered(kind)
    seen = _said(html.unescape(re.sub(r"<[^>]+>", " ", page.html.partition("<body")[2])))
    for block in LETTER.blocks:
        if block.kind == kind:
            for words in _words(block.model_dump(mode="json")):
                without_address = re.sub(r"<\S+>", "", words)
                assert _said(without_address) in seen, words
                assert _said(words) in _said(page.text), words


def test_a_table_has_its_caption_and_its_titles() -> None:
    page = _rendered("table").html
    table = next(t for t in re.findall(r"<table.*?</table>", page, re.DOTALL) if "<caption" in t)
    table = table[table.rindex("<table") :]
    assert "role=" not in table
    assert "What was brought in" in table.partition("</caption>")[0]
    assert re.findall(r'<th scope="col"[^>]*>([^<]+)<', table) == ["What", "Brought in", "Working"]
    assert re.findall(r'<th scope="row"[^>]*>([^<]+)<', table)[0] == "Small household machines"
    assert table.count("<td") == 8


def test_a_short_row_is_shown_as_wide_as_the_others() -> None:
    rows = [["a", "b"], ["c"]]
    values = LETTER.dump() | {"blocks": [{"kind": "table", "caption": "x", "rows": rows}]}
    page = render(Content.model_validate(values), PUBLICATION, {})
    assert page.html.count('<td style="padding:8px') == 2
    assert "- a: c\n" in page.text


def test_a_video_s_image_says_where_it_leads_and_plays_nothing() -> None:
    page = _rendered("video").html
    assert 'wheel – Watch the video: A kettle, from leaking to singing (3 min 20)"' in page
    assert "<video" not in page
    assert "<iframe" not in page
    assert "A kettle, from leaking to singing" in page.partition("kettle-in-words")[2]


def test_a_document_says_what_one_gets() -> None:
    assert ">How to run a repair table (PDF, 1.2 MB, in French)</a>" in _rendered("document").html


@pytest.mark.parametrize("kind", ["quote", "table", "pair", "video", "document", "social"])
def test_what_an_author_writes_never_becomes_a_tag(kind: str) -> None:
    hostile = "<script>alert(1)</script>]]><mj-raw>{% raw %}"
    block = next(block for block in LETTER.blocks if block.kind == kind).model_dump(mode="json")

    def spoilt(value: Any, name: str = "") -> Any:
        if isinstance(value, str) and name not in UNSEEN:
            return hostile
        if isinstance(value, dict):
            return {n: spoilt(each, n) for n, each in value.items()}
        return [spoilt(each, name) for each in value] if isinstance(value, list) else value

    content = Content.model_validate(LETTER.dump() | {"blocks": [spoilt(block)]})
    pictures = {image.src: Picture(f"{HERE}/{image.src}", 1200) for image in content.images()}
    page = render(content, PUBLICATION, pictures)
    assert "<script>alert" not in page.html
    assert "<mj-raw>" not in page.html
    assert "alert(1)" in page.html
    assert "alert(1)" in page.text
