"""What the checks find before a letter leaves."""

from typing import Any

import pytest

from mailer.issues.pictures import Picture, shown_width
from tests.support.letters import codes, content_of, findings_in

EDITORIAL = {"kind": "editorial", "title": "Le mot", "signature": "Léa", "text": "Un hiver long."}


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([EDITORIAL], []),
        ([EDITORIAL | {"text": "{{ greeting }} merci"}], [("greets_twice", "blocks[0].text")]),
        ([EDITORIAL, {"kind": "text", "text": "{{ greeting }}"}], [("greets_twice", "blocks[1].text")]),
        ([{"kind": "text", "text": "{{ greeting }} une fois"}], []),
        ([{"kind": "text", "text": "{{ greeting }} {{ greeting }}"}], [("greets_twice", "blocks[0].text")]),
        ([{"kind": "heading", "text": "{{ greeting }}"}, EDITORIAL], [("greets_twice", "blocks[0].text")]),
        ([EDITORIAL | {"text": "Cher {{ name | 'lecteur' }}, merci"}], [("salutation", "blocks[0].text")]),
    ],
)
def test_a_reader_is_greeted_once(blocks: list[dict[str, Any]], expected: list[tuple[str, str]]) -> None:
    assert codes(content_of(*blocks)) == expected


def test_links_in_markdown_are_checked_as_the_blocks_own() -> None:
    text = "[ici](https://x.fr/a) [la page](/page) [au renvoi][r]\n\n[r]: http://x.fr/r"
    assert sorted(codes(content_of({"kind": "text", "text": text}))) == [
        ("link_relative", "blocks[0].text"), ("plain_http", "blocks[0]"), ("vague_link", "blocks[0]"),
    ]  # fmt: skip


def test_what_stops_a_send_and_what_is_only_shown() -> None:
    levels = {f.code: f.level for f in findings_in(content_of({"kind": "text", "text": "# a\n\nwww.x.fr"}))}
    assert levels == {"md_heading": "error", "md_bare": "warning"}


@pytest.mark.parametrize("line", ["<b>gras</b>", "&nbsp;", "**gras**", "[a](https://x.fr)"])
def test_markup_in_a_line_is_told_since_it_would_be_shown(line: str) -> None:
    assert codes(content_of({"kind": "heading", "text": line}, subject=f"x {line}")) == [
        ("markup_in_line", "subject"), ("markup_in_line", "blocks[0].text"),
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["AT&T", "a < b > c", "5 * 3", "50 % & plus", "[sic]"])
def test_signs_in_a_line_are_signs(line: str) -> None:
    assert codes(content_of({"kind": "heading", "text": line})) == []


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"date": "2027-03-28", "start": "02:30", "end": "03:30"}, ["hour_skipped"]),
        ({"date": "2027-03-28", "start": "01:30", "end": "02:30"}, ["hour_skipped"]),
        ({"date": "2027-10-31", "start": "02:30"}, ["hour_twice"]),
        ({"date": "2027-12-31", "start": "23:00", "end": "01:00"}, ["ends_next_day"]),
        ({"date": "2027-12-31", "start": "14:00", "end": "10:00"}, ["ends_before_start"]),
        ({"date": "2027-12-31", "start": "14:00", "end": "14:00"}, ["ends_before_start"]),
        ({"date": "2027-12-31", "start": "14:00", "end": "15:00"}, []),
        ({"date": "2027-07-14"}, []),
        ({"period": "mai"}, []),
    ],
)
def test_the_hours_of_an_agenda_exist_and_end_after_they_begin(
    entry: dict[str, str], expected: list[str]
) -> None:
    agenda = {"kind": "agenda", "title": "Agenda", "entries": [{"title": "Réunion"} | entry]}
    assert codes(content_of(agenda)) == [(code, "blocks[0].entries[0]") for code in expected]


@pytest.mark.parametrize(
    ("image", "natural", "shown", "expected"),
    [
        ({"src": "logo.png"}, 80, 80, "picture_width"),
        ({"src": "logo.png", "width": "80"}, 80, 80, None),
        ({"src": "logo@2x.png"}, 160, 80, "picture_width"),
        ({"src": "photo@2x.png"}, 1200, 600, None),
        ({"src": "photo.png"}, 1200, 1200, None),
        ({"src": "photo.png", "width": "300"}, 1200, 300, None),
        ({"src": "logo.png", "width": "300"}, 80, 80, "picture_too_small"),
    ],
)
def test_a_picture_is_never_wider_than_it_is(
    image: dict[str, Any], natural: int, shown: int, expected: str | None
) -> None:
    content = content_of({"kind": "image", "image": image | {"alt": "x"}})
    picture = Picture("https://x.fr/a.png", natural)
    assert shown_width(content.images()[0], picture) == shown
    found = codes(content, pictures={image["src"]: picture})
    assert found == ([(expected, "blocks[0].image")] if expected else [])


def test_every_finding_is_said_in_both_languages() -> None:
    text = "# a\n\n[b](/c) {{ x } ~~d~~"
    for finding in findings_in(content_of(EDITORIAL | {"text": text})):
        french, english = finding.sentence("fr"), finding.sentence("en")
        assert french != english
        assert "{{{{" not in french + english
