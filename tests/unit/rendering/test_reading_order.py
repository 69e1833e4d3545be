"""What a screen reader says of a mail, and in which order."""

from mailer.issues.render import Rendered
from mailer.rendering.reading_order import ReadingItem, reading_order
from tests.unit.issues.conftest import letter, rendered

__all__ = ["letter", "rendered"]


def test_the_real_letter_begins_as_it_is_heard(rendered: Rendered) -> None:
    items = reading_order(rendered.html)
    assert [item.kind for item in items[:7]] == [
        "title", "landmark", "link", "image", "text", "heading", "text",
    ]  # fmt: skip
    assert items[5] == ReadingItem("heading", "La lettre du commissariat", level=1)
    assert not any("panorama de la pauvreté en région" in item.text for item in items)  # the preheader
    assert sum(item.kind == "image" for item in items) == 7
    link = next(item for item in items if item.text == "La Promo 16-18 de l’AFPA")
    assert (link.kind, link.target) == ("link", "https://www.example.org/promo-16-18")


def test_lists_are_counted_and_links_stand_apart() -> None:
    page = "<p>Voir <a href='https://a.example'>la carte</a> en ligne.</p><ul><li>un</li><li>deux</li></ul>"
    assert reading_order(page) == [
        ReadingItem("text", "Voir"),
        ReadingItem("link", "la carte", target="https://a.example"),
        ReadingItem("text", "en ligne."),
        ReadingItem("list", "", count=2),
        ReadingItem("item", "un"),
        ReadingItem("item", "deux"),
    ]


def test_what_is_hidden_decorative_or_places_things_is_not_said() -> None:
    page = """<style>p {}</style><div style="display:none">caché<br><p>aussi</p></div><img src=a alt="">
        <table role="presentation"><tr><td>vu</td></tr></table><p aria-hidden="true">non</p><p>·</p>"""
    assert reading_order(page) == [ReadingItem("text", "vu")]


def test_a_table_of_data_and_a_link_in_a_heading_are_named() -> None:
    page = "<h2><a href='https://a.example'>Titre</a></h2><table><tr><th>An</th></tr></table>"
    assert reading_order(page) == [
        ReadingItem("link", "Titre", level=2, target="https://a.example"),
        ReadingItem("table", ""),
        ReadingItem("text", "An"),
    ]
