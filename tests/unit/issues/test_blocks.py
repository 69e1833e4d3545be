"""What an author may write, and what is refused at entry."""

from typing import Any

import pytest
from pydantic import ValidationError

from mailer.issues.blocks import KINDS, Content


def _content(**changes: Any) -> Content:
    values = {
        "newsletter": "lettre", "title": "t", "subject": "s", "preheader": "p",
        "blocks": [{"kind": "divider"}],
    }  # fmt: skip
    return Content.model_validate(values | changes)


def test_every_kind_has_its_class() -> None:
    assert KINDS == (
        "masthead", "editorial", "heading", "text", "quote", "figures", "table", "article", "pair", "report",
        "agenda", "call", "image", "video", "document", "button", "social", "divider", "colophon",
    )  # fmt: skip


@pytest.mark.parametrize(
    "block",
    [
        {"kind": "text", "text": "a\ue000name\ue001"},
        {"kind": "table", "caption": "x", "rows": [["a"]]},
        {"kind": "table", "caption": "x", "rows": [["a", ""], ["b", "c"]]},
        {"kind": "table", "caption": "x", "rows": [["a"], ["b", "c"]]},
        {"kind": "table", "caption": "x", "rows": [["a", "b", "c", "d", "e", "f"], ["a"]]},
        {"kind": "table", "caption": "x", "rows": [["a"], ["two\nlines"]]},
        {"kind": "quote", "text": "x"},
        {"kind": "video", "title": "x", "url": "https://a.fr", "duration": "1 min"},
        {"kind": "document", "title": "x", "url": "https://a.fr/a.pdf", "format": "PDF"},
        {"kind": "social", "links": []},
        {"kind": "pair", "title": "x", "summary": "x", "second_title": "x"},
        {"kind": "text", "text": "{{ secret }}"},
        {"kind": "heading", "text": "two\u2028lines"},
        {"kind": "button", "label": "x", "url": "javascript:alert(1)"},
        {"kind": "button", "label": "x", "url": "/relative"},
        {"kind": "image", "image": {"src": "a.png"}},
        {"kind": "agenda", "title": "x", "entries": [{"title": "neither a day nor a period"}]},
        {"kind": "agenda", "title": "x", "entries": [{"title": "y", "date": "2024-02-30"}]},
        {"kind": "divider", "colour": "red"},
    ],
)
def test_what_cannot_be_sent_is_refused_at_entry(block: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _content(blocks=[block])


def test_the_same_content_has_one_spelling() -> None:
    one = _content(date="2024-01-15")
    assert Content.model_validate(one.dump()).canonical_json() == one.canonical_json()


def test_only_dated_entries_go_to_a_calendar() -> None:
    entries = [{"title": "a", "date": "2024-04-19"}, {"title": "b", "period": "mai – juin"}]
    content = _content(blocks=[{"kind": "agenda", "title": "x", "entries": entries}])
    assert [entry.title for entry in content.dated_entries()] == ["a"]
