"""A test is the letter as it would leave, marked, and without a link that acts."""

import re

from mailer.notices.marked_letter import MarkedLetter
from mailer.rendering.merge_fields import marked, marker

BASE = "https://lettres.example.org"
PATH = "/lettre/issues/11111111-1111-1111-1111-111111111111"
OTHER = f"{BASE}/lettre/issues/22222222-2222-2222-2222-222222222222"
HTML = (
    f'<html><body style="x"><div style="display:none;max-height:0">L’aperçu</div><div>'
    f'<a href="{BASE}{PATH}">en ligne</a><a href="{marker("unsubscribe_url")}">partir</a>'
    f'<a href="{BASE}/preferences">choisir</a><a href="{BASE}/rights">droits</a>'
    f'<a href="{BASE}{PATH}/agenda/1.ics">agenda</a><a href="{OTHER}">un autre</a>'
    f'<a href="{BASE}/privacy">politique</a><p>{marker("greeting")}</p></div></body></html>'
)
TEXT = f"En ligne :\n{BASE}{PATH}\n\nPréférences : {BASE}/preferences\n{marker('unsubscribe_url')}\n{OTHER}\n"


def letter(tester: str = "") -> MarkedLetter:
    return MarkedLetter(marked("Bonjour {{name}}"), HTML, TEXT, "fr", BASE, PATH, tester)


def test_the_subject_says_so_first() -> None:
    assert letter().subject_for("Léa") == "[Essai] Bonjour Léa"


def test_every_link_that_acts_leads_to_the_page_that_says_so() -> None:
    links = re.findall(r'href="([^"]+)"', letter().html_for("Léa", ""))
    trial = f"{BASE}/trial"
    assert links == [
        f"{trial}/online", f"{trial}/unsubscribe", f"{trial}/preferences", f"{trial}/rights",
        f"{trial}/online", OTHER, f"{BASE}/privacy",
    ]  # fmt: skip
    text = letter().text_for("Léa", "")
    assert f"{BASE}/preferences" not in text
    assert f"{BASE}{PATH}" not in text
    assert f"{trial}/unsubscribe" in text
    assert OTHER in text


def test_the_banner_comes_after_the_preheader_and_before_the_letter() -> None:
    page = letter().html_for(None, f"{BASE}/testers/abc/stop")
    places = [
        page.index(words) for words in ("L’aperçu", "Ceci est un essai", "Ne plus recevoir", "en ligne")
    ]
    assert places == sorted(places)


def test_whoever_asked_alone_has_no_list_to_leave() -> None:
    assert "Ne plus recevoir" not in letter().html_for("Léa", "") + letter().text_for("Léa", "")


def test_a_name_is_text() -> None:
    assert "<b>" not in letter().html_for("<b>Léa", "")
