"""What differs between two versions of a letter, in words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.issues import drafts
from mailer.issues.blocks import Content
from mailer.issues.differences import Difference, differences, runs
from mailer.issues.drafts import Document
from mailer.issues.form_words import FormWords
from mailer.issues.undoing import Letter


@pytest.fixture
def document(letter: Content) -> Document:
    return drafts.identified(letter.dump())


def _differences(before: Document, after: Document, locale: str = "fr") -> list[Difference]:
    return differences(Letter(before, {}), Letter(after, {}), FormWords(locale))


def _changed(document: Document, kind: str, **values: Any) -> Document:
    block = next(each for each in document["blocks"] if each["kind"] == kind)
    new = {name: value for name, value in block.items() if name not in ("id", "revision")} | values
    return drafts.with_block(document, block["id"], new, revision=block["revision"])[0]


def _words(difference: Difference) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(field.label, [(run.kept, run.text) for run in field.runs]) for field in difference.fields]


def test_the_words_of_a_field_that_changed_are_told(document: Document) -> None:
    before = _changed(document, "heading", text="Un hiver pour agir")
    after = _changed(before, "heading", text="Un printemps pour agir")
    (told,) = _differences(before, after)
    assert (told.kind, told.done, told.excerpt) == ("heading", ("changed",), "Un printemps pour agir")
    runs_ = [("same", "Un"), ("removed", " hiver"), ("added", " printemps"), ("same", " pour agir")]
    assert _words(told) == [("Titre de la rubrique", runs_)]


def test_parts_are_told_with_their_labels(document: Document) -> None:
    entry = {
        "date": "2027-01-04",
        "title": "Une réunion",
        "links": [{"label": "Venir", "url": "https://a.fr"}],
    }
    after = _changed(document, "agenda", entries=[entry])
    (told,) = _differences(document, after)
    (field,) = told.fields
    text = "".join(run.text for run in field.runs if run.kept != "removed").replace("\u00a0", " ")
    assert (
        text == "Jour : 2027-01-04\nTitre : Une réunion\nLiens : Mots du lien : Venir\nAdresse : https://a.fr"
    )


def test_what_is_ticked_is_told(document: Document) -> None:
    image = {"src": "images/a.png", "decorative": True}
    (told,) = _differences(document, _changed(document, "article", image=image))
    assert "oui" in _words(told)[0][1][-1][1]


def test_blocks_come_go_and_move(document: Document) -> None:
    first, second, third = (block["id"] for block in document["blocks"][:3])
    after = drafts.removed(document, second, revision=1)
    after = drafts.moved(after, first, 4, order=after["order"])
    after = drafts.inserted(after, drafts.new_block("text") | {"text": "Neuf"}, after=third)
    told = [(each.done, each.place_before, each.place_after) for each in _differences(document, after)]
    assert told == [(("removed",), 2, 0), (("added",), 0, 2), (("moved",), 1, 5)]


def test_the_head_comes_first(document: Document) -> None:
    values = {"title": "Titre", "subject": "Autre objet"}
    after = drafts.with_head(document, values, revision=document["revision"])
    told = _differences(document, _changed(after, "heading", text="x"), "en")
    assert [each.kind for each in told] == ["head", "heading"]
    assert "Subject" in [label for label, _runs in _words(told[0])]


def test_the_same_letter_has_no_differences(document: Document) -> None:
    assert _differences(document, document) == []


@given(st.text(st.sampled_from("ab \n"), max_size=40), st.text(st.sampled_from("ab \n"), max_size=40))
def test_the_runs_are_both_texts_whole(old: str, new: str) -> None:
    told = list(runs(old, new))
    assert "".join(run.text for run in told if run.kept != "added") == old
    assert "".join(run.text for run in told if run.kept != "removed") == new
    assert all(run.text for run in told)
