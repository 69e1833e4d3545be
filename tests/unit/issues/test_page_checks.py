"""What the checks find in the pages of a letter: weight, headings, colours, what is fetched, the notice."""

from dataclasses import replace
from typing import Any

import pytest

from mailer.core.paths import templates_dir
from mailer.issues.blocks import Content
from mailer.issues.checks.check import check
from mailer.issues.checks.letter import Letter
from mailer.issues.pictures import Picture
from mailer.issues.render import Rendered, render
from mailer.issues.yaml_file import load
from mailer.rendering.contrast import looks, ratio
from tests.support.letters import LEAVES, PARIS, codes, content_of, findings_in, page_of, picture, text_of
from tests.unit.issues.conftest import HERE, PUBLICATION

TEXT = text_of("Un mot.")


def codes_of(html: str, **more: Any) -> list[str]:
    return [code for code, _where in codes(TEXT, html, **more)]


def test_what_is_too_heavy() -> None:
    assert codes_of("x" * 90_001) == ["too_heavy"]
    assert codes_of("x" * 80_000, image_bytes=1_000_001) == ["images_heavy"]
    assert codes_of("x" * 80_000, image_bytes=1_000_000) == []


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<link href="https://fonts.example/css" rel="stylesheet">', ["remote_font"]),
        ("<style>@import url(https://fonts.example/css);</style>", ["remote_font", "remote_image"]),
        (f'<img src="{HERE}/assets/a.png">', []),
        ('<img alt="" src="https://count.example/1.gif">', ["remote_image"]),
        ("<td style=\"background:url('https://x.example/a.png')\">", ["remote_image"]),
        (f'<img src="{HERE}.evil.example/a.png">', ["remote_image"]),
    ],
)
def test_nothing_is_fetched_elsewhere(html: str, expected: list[str]) -> None:
    assert codes_of(html, site=HERE) == expected


def test_an_image_nobody_can_see() -> None:
    image = {"kind": "image", "image": {"src": "a.png", "decorative": True}}
    assert "pixel" in [code for code, _ in codes(content_of(image), pictures={"a.png": picture(1)})]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h1>A</h1><h2>B</h2><h3>C</h3><h2>D</h2>", []),
        ("<h1>A</h1><h3>B</h3>", ["heading_skipped"]),
        ("<h2>A</h2><h3>B</h3>", ["no_main_title"]),
        ("<p>A</p>", []),
    ],
)
def test_the_order_of_headings(html: str, expected: list[str]) -> None:
    assert codes_of(html) == expected


def test_a_skipped_heading_leads_to_its_block() -> None:
    content = content_of({"kind": "article", "title": "Le titre", "text": "Un mot."})
    assert codes(content, "<h1>A</h1><h3 style='x'>Le&nbsp;titre</h3>".replace("&nbsp;", " ")) == [
        ("heading_skipped", "blocks[0]")
    ]


def test_a_colophon_names_who_answers_for_the_publication() -> None:
    other = {"kind": "colophon", "lines": [{"role": "Conception", "names": "Léa"}]}
    text = {"kind": "text", "text": "Un mot."}
    assert codes(content_of(blocks=[text, other])) == [("no_director", "blocks[1]")]
    assert codes(content_of(blocks=[text])) == [("no_colophon", "")]


def test_a_notice_with_a_blank_stops_the_send() -> None:
    found = findings_in(TEXT, legal=replace(PUBLICATION.legal, dpo_email=" "))
    assert [(each.level, each.code) for each in found] == [("error", "legal_missing")]


def test_a_letter_nobody_can_leave_stops_the_send() -> None:
    found = check(Letter(TEXT, Rendered("<p>", page_of(TEXT).text, ""), LEAVES, PARIS))
    assert [(each.level, each.code) for each in found] == [("error", "no_way_out")]


def test_the_text_part_says_what_the_letter_says() -> None:
    content = text_of("Des mots entiers. [Une page](https://x.fr/page)")
    page = page_of(content, '<a href="https://x.fr/page">Une page</a>')
    bare = Rendered(page.html, page_of(TEXT).text, "")
    found = check(Letter(content, bare, LEAVES, PARIS))
    assert [(each.code, each.where) for each in found] == [
        ("text_lacks_link", "blocks[0]"), ("text_lacks_words", "blocks[0].text"),
    ]  # fmt: skip
    assert check(Letter(content, page, LEAVES, PARIS)) == []


def test_a_greeting_alone_is_in_the_text_part() -> None:
    assert codes(content_of({"kind": "text", "text": "{{ greeting }}"})) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("#000000", "#ffffff", 21.0), ("#767676", "#fff", 4.54), ("#888", "#888", 1.0)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, expected: float) -> None:
    assert ratio(one, other) == pytest.approx(expected, abs=0.01)
    assert ratio(other, one) == ratio(one, other)


MEDIA = "<style>@media (prefers-color-scheme: dark) {{ {} }}</style>"
INK, CARD = (
    ".ink div, .ink div * { color: #222222 !important; }",
    ".card { background-color: #111 !important; }",
)
DARK = MEDIA.format(INK)
BOTH = ["contrast_light", "contrast_dark"]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<body><p style="color:#777777">Pâle</p></body>', BOTH),
        ('<body><p style="color:#777777;font-size:24px">Grand</p></body>', []),
        ('<body><p style="color:#777777;font-size:19px"><strong>Gras</strong></p></body>', []),
        ('<body><table bgcolor="#333333"><td style="color:#444444">x</td></table></body>', BOTH),
        ('<body><p style="display:none;color:#ffffff">Caché</p></body>', []),
        (f'{DARK}<body><td bgcolor="#ffffff" class="ink"><div style="color:#000000">x</div></td></body>', []),
    ],
)  # fmt: skip
def test_text_stands_out_from_its_background(html: str, expected: list[str]) -> None:
    assert codes_of(html) == expected


def test_text_is_looked_at_in_the_dark_too() -> None:
    ink = '<td class="ink"><div>x</div></td>'
    html = f'{MEDIA.format(INK + CARD)}<body><div class="card" style="background:#ffffff">{ink}</div></body>'
    assert codes_of(html) == ["contrast_dark"]


def _rendered(name: str, theme: str) -> tuple[Content, Rendered]:
    content, images = load(templates_dir() / "examples" / name)
    pictures = {src: Picture(f"{HERE}/assets/{src}", image.width) for src, image in images.items()}
    return content, render(content, replace(PUBLICATION, theme=theme), pictures)


@pytest.mark.parametrize("theme", ["neutral", "dsfr"])
@pytest.mark.parametrize("name", ["lettre/lettre.yaml", "letter-en/letter.yaml"])
def test_the_pages_of_the_examples_are_well(name: str, theme: str) -> None:
    content, page = _rendered(name, theme)
    pictures = {image.src: picture(1200) for image in content.images()}
    letter = Letter(content, page, content.date or LEAVES, PARIS, HERE, PUBLICATION.legal, pictures)
    assert {each.code for each in check(letter) if each.level != "advice"} == {"demonstration"}
    assert len(looks(page.html)) > 20
