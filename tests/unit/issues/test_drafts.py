"""A letter while it is written: kept as it is typed, read strictly when it is to be sent, shown meanwhile."""

from collections.abc import Iterator
from typing import Any

import pytest

from mailer.issues import draft_preview, drafts, next_issue
from mailer.issues.blocks import KINDS, Content
from mailer.issues.drafts import Document, Stale, TooManyBlocks
from mailer.issues.pictures import Picture
from mailer.issues.render import render
from tests.unit.issues.conftest import HERE, PUBLICATION

JUNK: tuple[Any, ...] = ("", "x" * 30_000, "\x07", "{{ nobody }}", "le 31", "http://un mot", "0")


@pytest.fixture
def document(letter: Content) -> Document:
    return drafts.identified(letter.dump())


def _broken(values: Any) -> Iterator[Any]:
    """The same with one of its parts taken away, or turned into junk."""
    parts = values.items() if isinstance(values, dict) else enumerate(values)
    for name, value in list(parts):
        if name == "kind":
            continue
        copy = dict(values) if isinstance(values, dict) else list(values)
        if isinstance(value, dict | list):
            for inner in _broken(value):
                copy[name] = inner
                yield copy.copy()
        else:
            for junk in JUNK:
                copy[name] = junk
                yield copy.copy()
        del copy[name]
        yield copy


def test_strict_is_what_was_imported(letter: Content, document: Document) -> None:
    assert drafts.strict(document) == letter
    assert drafts.strict(drafts.fresh(document)) == letter


def test_ids_are_the_same_each_time_and_new_once_asked(document: Document) -> None:
    again = drafts.identified(document)
    assert again == document
    ids = [block["id"] for block in document["blocks"]]
    assert len(set(ids)) == len(ids)
    assert not {block["id"] for block in drafts.fresh(document)["blocks"]} & set(ids)


def test_whatever_is_missing_or_wrong_a_block_is_shown_or_left_out(document: Document) -> None:
    known = [image["src"] for image in drafts.pictures(document)]
    tried = shown = 0
    for block in document["blocks"]:
        for broken in _broken(drafts.written_block(block)):
            tried += 1
            shown += draft_preview.shown(broken, known) is not None
            drafts.block_faults(broken)
    assert tried > 500
    assert shown > tried * 0.9


def test_a_letter_of_empty_blocks_is_rendered() -> None:
    blocks = [drafts.new_block(kind) for kind in KINDS]
    empty = drafts.identified({"newsletter": "lettre", "locale": "fr", "blocks": blocks})
    page = render(draft_preview.content(empty, ()), PUBLICATION, {})
    assert "…" in page.html
    assert "…" in page.text
    assert len(draft_preview.content(empty, ()).blocks) == len(KINDS) - 3  # the call's day, two pictures


def test_one_block_is_shown_alone(document: Document) -> None:
    pictures = {image["src"]: Picture(f"{HERE}/a.png", 1200) for image in drafts.pictures(document)}
    block = next(each for each in document["blocks"] if each["kind"] == "call")
    page = render(draft_preview.content(document, pictures, only=block["id"]), PUBLICATION, pictures)
    assert "ALERTE APPEL" in page.text
    assert "LE MOT DE LA COMMISSAIRE" not in page.text


def test_a_save_of_another_revision_is_refused_with_what_is_there(document: Document) -> None:
    heading = next(block for block in document["blocks"] if block["kind"] == "heading")
    values = {"kind": "heading", "text": "Un"}
    saved, _id = drafts.with_block(document, heading["id"], values, revision=1)
    with pytest.raises(Stale) as caught:
        drafts.with_block(saved, heading["id"], {"kind": "heading", "text": "Deux"}, revision=1)
    assert caught.value.theirs == {"id": heading["id"], "revision": 2, **values}
    with pytest.raises(Stale) as caught:
        drafts.with_block(document, "gone", values, revision=1)
    assert caught.value.theirs is None


@pytest.mark.parametrize(("place", "at"), [(0, 0), (1, 0), (3, 2), (99, -1)])
def test_a_block_goes_where_it_is_sent(document: Document, place: int, at: int) -> None:
    block = document["blocks"][4]
    moved = drafts.moved(document, block["id"], place, order=1)
    assert moved["blocks"][at] == block
    assert sorted(map(str, moved["blocks"])) == sorted(map(str, document["blocks"]))
    with pytest.raises(Stale):
        drafts.moved(moved, block["id"], place, order=1)


@pytest.mark.parametrize("at", [0, 3, -1])
def test_what_is_removed_is_no_part_of_what_is_sent(document: Document, at: int) -> None:
    block = document["blocks"][at]
    left = drafts.removed(document, block["id"], revision=1)
    assert drafts.strict(left).blocks == drafts.strict(document | {"blocks": left["blocks"]}).blocks
    assert block not in left["blocks"]
    with pytest.raises(Stale):
        drafts.removed(left, block["id"], revision=1)


def test_a_letter_holds_so_many_blocks(document: Document) -> None:
    full = document | {"blocks": [drafts.new_block("divider") for _ in range(drafts.MAX_BLOCKS)]}
    with pytest.raises(TooManyBlocks):
        drafts.inserted(full, drafts.new_block("text"), after=None)
    with pytest.raises(TooManyBlocks):
        drafts.duplicated(full, full["blocks"][0]["id"])


@pytest.mark.parametrize(
    ("number", "after"),
    [("Numéro 12", "Numéro 13"), ("n° 009", "n° 010"), ("2026-4", "2026-5"), ("Été", "Été"), ("9", "10")],
)
def test_the_number_goes_on(number: str, after: str) -> None:
    assert next_issue.next_number(number) == after


@pytest.mark.parametrize(
    ("month", "locale", "after"),
    [
        ("décembre 2026", "fr", "janvier 2027"),
        ("Lille, Janvier 2027", "fr", "Lille, Février 2027"),
        ("December 2026", "en", "January 2027"),
        ("hiver 2026", "fr", "hiver 2026"),
    ],
)
def test_the_month_goes_on(month: str, locale: str, after: str) -> None:
    assert next_issue.next_month(month, locale) == after


def test_the_next_issue_has_no_day_of_the_last(document: Document) -> None:
    after = next_issue.following(document)
    assert "2024" not in str([{**block, "text": ""} for block in after["blocks"][1:]])
    assert {"title", "subject", "preheader", "date"} & set(after) == set()
