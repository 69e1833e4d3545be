"""Every field of every kind of block has its words, in both languages, and reads back what it was given."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from mailer.core.i18n import LOCALES
from mailer.core.paths import templates_dir
from mailer.issues import drafts, fields, yaml_file
from mailer.issues.blocks import KINDS, Content
from mailer.issues.fields import Field
from mailer.issues.findings import error
from mailer.issues.form_words import HEAD, FormWords, excerpt


def _all(owner: str, of: tuple[Field, ...]) -> Iterator[tuple[str, Field]]:
    for each in of:
        yield owner, each
        yield from _all(each.of, each.parts)


def _flat(values: Any, prefix: str = "") -> dict[str, str]:
    if isinstance(values, dict | list):
        pairs = values.items() if isinstance(values, dict) else enumerate(values)
        return {
            k: v for n, each in pairs for k, v in _flat(each, f"{prefix}.{n}" if prefix else f"{n}").items()
        }
    return {prefix: "yes" if values is True else str(values)} if values is not False else {}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_its_words(locale: str, kind: str) -> None:
    said = FormWords(locale)
    assert said.name(kind)
    assert said.about(kind)
    for owner, field in [*_all(kind, fields.of_kind(kind)), *_all(HEAD, fields.of_head())]:
        assert said.label(owner, field.name)
        said.help(owner, field)
        if field.type == "list":
            assert said.part(field.of)


def test_a_form_reads_back_what_it_shows(letter: Content) -> None:
    for block in drafts.written(letter.dump())["blocks"]:
        values = {name: value for name, value in block.items() if name != "kind"}
        read = fields.typed(fields.of_kind(block["kind"]), _flat(values))
        assert drafts.written_block({"kind": block["kind"], **read}) == drafts.written_block(
            drafts.written_block(block | _trimmed(block))
        )


def _trimmed(block: dict[str, Any]) -> dict[str, Any]:
    """Without what says no: an unticked box sends nothing."""
    found = {}
    for name in drafts.PICTURES:
        if name in block:
            found[name] = {key: value for key, value in block[name].items() if value is not False}
    return found


@pytest.mark.parametrize(
    ("form", "read"),
    [
        ({"title": " a ", "text": "x\r\ny"}, {"title": " a ", "text": "x\ny"}),
        ({"links.0.label": "", "links.3.url": "u"}, {"links": [{"url": "u"}]}),
        ({"links.0.label": "a", "links.0.drop": "yes", "links.1.label": "b"}, {"links": [{"label": "b"}]}),
        ({"links.x.label": "a", "links.": "b", "kind": "text"}, {}),
        ({"image.src": "a.png", "image.drop": "yes"}, {}),
        ({"image.decorative": "yes"}, {"image": {"decorative": True}}),
    ],
)
def test_a_form_is_read_as_it_was_typed(form: dict[str, str], read: dict[str, Any]) -> None:
    assert fields.typed(fields.of_kind("article"), form) == read


def test_a_fault_is_beside_its_field() -> None:
    said, agenda = FormWords("fr"), fields.of_kind("agenda")
    found = [error("date_or_period", "entries[1]"), error("missing", "entries[0].title")]
    assert said.faults(found) == {
        "entries.1.date": "Donnez soit un jour, soit une période en mots.",
        "entries.0.title": "À remplir avant l’envoi.",
    }
    assert said.where("agenda", agenda, "entries.1.date") == "Rendez-vous 2, Jour"
    assert said.missing("agenda", found) == ["Rendez-vous"]
    assert said.faults([error("alt", "image")]).keys() == {"image.alt"}
    assert said.faults([error("missing", "image")]).keys() == {"image.src"}


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("deadline", "", "date"), ("deadline", "2026-12-31", "date"), ("deadline", "le 31", "text"),
        ("amount", "5 M€", "text"),
    ],
)  # fmt: skip
def test_a_day_that_is_none_stays_in_sight(name: str, value: str, shown: str) -> None:
    field = next(each for each in fields.of_kind("call") if each.name == name)
    assert FormWords("fr").input_type(field, value) == shown


def test_a_block_is_known_by_its_words() -> None:
    assert excerpt({"kind": "text", "text": "mot " * 40}).endswith("…")
    assert len(excerpt({"kind": "text", "text": "mot " * 40})) <= 60
    assert excerpt({"kind": "image", "image": {"alt": "Un pont"}}) == "Un pont"
    assert excerpt({"kind": "divider"}) == ""


@pytest.mark.parametrize(
    ("form", "rows"),
    [
        ({"rows.0.0": "Lieu", "rows.0.1": "Places", "rows.1.0": "Nord", "rows.1.1": "3"},
         [["Lieu", "Places"], ["Nord", "3"]]),
        ({"rows.0.0": "Lieu", "rows.0.1": "", "rows.1.0": "", "rows.2.0": "Nord"}, [["Lieu"], ["Nord"]]),
        ({"rows.0.0": "", "rows.1.0": "Nord"}, [[], ["Nord"]]),
        ({"rows.0.0": "Lieu", "rows.1.1": "3"}, [["Lieu"], ["", "3"]]),
        ({"rows.0.0": "Lieu", "rows.paste": "Nord\t3\r\nAisne\t\r\n\r\n"},
         [["Lieu"], ["Nord", "3"], ["Aisne"]]),
        ({"rows.0.0": "", "rows.1.0": "", "rows.paste": "Lieu\tPlaces\nNord\t3"},
         [["Lieu", "Places"], ["Nord", "3"]]),
        ({"rows.x.0": "a", "rows.0": "b", "rows.0.99999": "c", "rows.0.0.0": "d"}, []),
    ],
)  # fmt: skip
def test_the_cells_of_a_table_are_read_row_by_row(form: dict[str, str], rows: list[list[str]]) -> None:
    """Nothing typed is lost, and a row without its titles stays one."""
    assert fields.typed(fields.of_kind("table"), form).get("rows", []) == rows


def test_the_other_kinds_read_back_too() -> None:
    example = templates_dir() / "examples" / "letter-en" / "letter.yaml"
    test_a_form_reads_back_what_it_shows(yaml_file.load(example)[0])


def test_each_kind_has_its_picture() -> None:
    drawn = (templates_dir() / "web" / "static" / "blocks.svg").read_text(encoding="utf-8")
    assert set(re.findall(r'<symbol id="(\w+)"', drawn)) == set(KINDS)
