"""The real letter, whole, in both parts, with what the law asks and nothing from elsewhere."""

import dataclasses
import html
import itertools
import re
import unicodedata
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.core.paths import templates_dir
from mailer.issues.blocks import Content
from mailer.issues.pictures import Picture
from mailer.issues.render import Rendered, render
from mailer.issues.yaml_file import load
from mailer.rendering import markdown
from tests.unit.issues.conftest import HERE, PUBLICATION

SOURCE = (Path(__file__).parent / "source-letter.txt").read_text(encoding="utf-8")
CORRECTED = (  # a slip of the source, or a name that has changed since: ours says it right
    "l’ARS, l’Education nationale", "Avec 12 élèves maximum", "Cette structure, qui accueille",
    "Conformément au Règlement (UE)", "Pour l'exercer",
)  # fmt: skip
ONLY_IN_PRINT = {"cliquez ici."}  # the words of a link: ours say where it leads


def _flat(text: str) -> str:
    """Letters and digits only, so that hyphenation, quotes and line ends do not count."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if c.isalnum())


def _sentences() -> list[str]:
    text = re.sub(r"-\s*\n\s*", "-", SOURCE)
    text = re.sub(r">>>|///|(?<=\(\d\d\))|\n(?=MAI| Directeur)", "\n\n", text)
    paragraphs = re.split(r"\n\s*\n", text)
    return [s for p in paragraphs for s in re.split(r"(?<=[.!?:])\s+", " ".join(p.split())) if _flat(s)]


def _missing(text: str) -> list[str]:
    held = _flat(text)
    found = [s for s in _sentences() if _flat(s) not in held]
    found = [s for s in found if not s.startswith(CORRECTED)]
    return [s for s in found if not any(s.endswith(end) for end in ONLY_IN_PRINT)]


def test_every_sentence_of_the_source_is_in_the_text_part(rendered: Rendered) -> None:
    assert len(_sentences()) > 40
    assert _missing(rendered.text) == []


def test_every_sentence_of_the_source_is_in_the_html_part(rendered: Rendered) -> None:
    assert _missing(html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", rendered.html, flags=re.S))) == []


def test_it_stays_under_what_gmail_shows(rendered: Rendered) -> None:
    assert len(rendered.html.encode()) <= 90_000


def test_nothing_is_fetched_from_elsewhere(rendered: Rendered) -> None:
    written = re.findall(r"""(?:href|src)=["']([^"']+)|url\(([^)]+)\)|@import\s+([^;]+)""", rendered.html)
    for address in ("".join(groups) for groups in written):
        assert address.startswith((HERE, "https://www.example.org/", "mailto:", "\ue000")), address


def test_the_law_s_part_is_there_whatever_the_author_wrote(rendered: Rendered, letter: Content) -> None:
    bare = letter.model_copy(update={"blocks": letter.blocks[2:3]})
    for part in (render(bare, PUBLICATION, {}).html, rendered.html, rendered.text):
        for needed in ("\ue000unsubscribe_url\ue001", PUBLICATION.rights_url, "2016/679", "dpo@example.org"):
            assert needed in part


def test_headings_follow_one_another(rendered: Rendered) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])", rendered.html)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_the_language_is_said_and_every_image_has_words(rendered: Rendered) -> None:
    assert re.search(r'<html[^>]* lang="fr"', rendered.html)
    assert "und" not in re.findall(r'lang="([^"]*)"', rendered.html)
    images = re.findall(r"<img[^>]*>", rendered.html)
    assert len(images) == 7
    assert all(re.search(r'alt="[^"]+"', image) for image in images)


def test_the_dated_event_alone_has_a_calendar_link(rendered: Rendered) -> None:
    assert set(re.findall(r"/agenda/(\d+)\.ics", rendered.html + rendered.text)) == {"1"}


def test_french_letters_have_french_spacing_in_both_parts(rendered: Rendered) -> None:
    for part in (html.unescape(rendered.html), rendered.text):
        assert "jusqu’à 95\u202f%" in part
        assert not re.search(r"\w [:;?!»%€](?=[\s<]|$)", re.sub(r"<style.*?</style>", "", part, flags=re.S))


def test_english_letters_have_english_spacing() -> None:
    letter, _ = load(templates_dir() / "examples" / "letter-en" / "letter.yaml")
    page = render(letter, PUBLICATION, {image.src: Picture(HERE, 1200) for image in letter.images()})
    assert "Amount: <strong>" in page.html
    assert "\u00a0:" not in html.unescape(page.html) + page.text


def test_the_state_s_theme_renders_without_its_assets(letter: Content) -> None:
    state = dataclasses.replace(PUBLICATION, theme="dsfr")
    page = render(letter.model_copy(update={"blocks": letter.blocks[2:3]}), state, {}).html
    assert "#000091" in page
    assert "marianne" not in page.lower()


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(blacklist_categories=["Cs", "Co", "Cc"]), max_size=200))
def test_an_author_s_text_never_becomes_a_tag_or_a_hole(text: str) -> None:
    allowed = r"</?(p|em|strong|a|ul|ol|li|blockquote|br|code)(\s[^<>]*)?/?>"
    left = re.sub(allowed, "", str(markdown.to_html("<script>" + text + "<img src=x onerror=y>")))
    assert "<" not in left
    assert "\ue000" not in left
    assert not re.search(r'href="(?!https?:|mailto:|[^":]*")', left)
