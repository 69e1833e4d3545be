"""Derive what a form asks for from the classes of blocks.  Pure."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from inspect import isclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mailer.issues import blocks
from mailer.issues.blocks import MAX_COLUMNS, Content, Grid, Image, Markdown, Summary, Title, Url

FieldType = Literal[
    "line",
    "title",
    "summary",
    "markdown",
    "url",
    "date",
    "time",
    "number",
    "yes",
    "image",
    "part",
    "list",
    "grid",
]
HEAD = ("title", "subject", "preheader", "number", "date")  # of the whole issue; its blocks have their own
_NAMED: tuple[tuple[Any, FieldType], ...] = (
    (Grid, "grid"), (Title, "title"), (Summary, "summary"), (Markdown, "markdown"), (Url, "url"),
    (bool, "yes"), (int, "number"),
    (datetime.date, "date"), (datetime.time, "time"),
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    """Describe one field: of an image, a part or a list of parts, `parts` are the fields inside it."""

    name: str
    type: FieldType
    required: bool
    longest: int | None  # characters; of a list, parts
    of: str = ""  # the class of what is inside, in lower case: link, figure, agendaentry, credit, image
    parts: tuple["Field", ...] = ()
    columns: int = 0  # of a grid: at most


@cache
def of_kind(kind: str) -> tuple[Field, ...]:
    """Return the fields of a kind of block, in the order of its class.  Raises KeyError."""
    return tuple(field for field in _of(blocks.CLASSES[kind]) if field.name != "kind")


@cache
def of_head() -> tuple[Field, ...]:
    """Return those of the issue itself."""
    named = {field.name: field for field in _of(Content, HEAD)}
    return tuple(named[name] for name in HEAD)


def at(fields: tuple[Field, ...], steps: tuple[int | str, ...]) -> Field | None:
    """Return the field that a path such as ("links", 0, "url") leads to, None if there is none."""
    found = None
    for step in steps:
        if isinstance(step, str):
            found = next((field for field in fields if field.name == step), None)
            fields = found.parts if found else ()
    return found


def typed(fields: tuple[Field, ...], form: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    """Return what a form holds, as it was typed; a part of a list in which nothing is typed is left out."""
    read = {field.name: _typed(field, form, f"{prefix}{field.name}") for field in fields}
    return {name: value for name, value in read.items() if value not in ("", {}, [], False)}


def _typed(field: Field, form: Mapping[str, str], name: str) -> Any:
    if field.type == "list":
        return _typed_list(field, form, name)
    if field.type == "grid":
        return _typed_grid(form, name)
    if field.parts:
        return {} if f"{name}.drop" in form else typed(field.parts, form, f"{name}.")
    if field.type == "yes":
        return name in form
    text = form.get(name, "").replace("\r\n", "\n")
    return text.strip() if field.type == "markdown" else text


def _typed_list(field: Field, form: Mapping[str, str], name: str) -> list[dict[str, Any]]:
    places = {place for key in form if key.startswith(f"{name}.") if (place := _place(key, name)) is not None}
    rows = [
        typed(field.parts, form, f"{name}.{place}.")
        for place in sorted(places)
        if f"{name}.{place}.drop" not in form
    ]
    return [row for row in rows if row]


def _typed_grid(form: Mapping[str, str], name: str) -> list[list[str]]:
    """Return the rows of a table, none empty but for the titles; `paste`: more, from a spreadsheet."""
    keys = [key.removeprefix(f"{name}.").split(".") for key in form if key.startswith(f"{name}.")]
    cells = {(int(row), int(column)) for row, column in (key for key in keys if _is_cell(key))}
    rows: dict[int, list[str]] = {}
    for row, column in sorted(cells):
        values = rows.setdefault(row, [])
        values += [""] * (column - len(values)) + [form[f"{name}.{row}.{column}"]]
    pasted = [line.split("\t") for line in form.get(f"{name}.paste", "").replace("\r", "").split("\n")]
    written, more = ([_without_end(row) for row in part] for part in (rows.values(), pasted))
    titles = written[:1] if any(written) else []
    return [*titles, *(row for row in [*written[len(titles) :], *more] if row)]


def _is_cell(key: list[str]) -> bool:
    return len(key) == 2 and all(step.isascii() and step.isdigit() and len(step) < 4 for step in key)


def _without_end(row: list[str]) -> list[str]:
    """Return a row up to its last cell in which something is typed."""
    length = max((place for place, cell in enumerate(row, 1) if cell.strip()), default=0)
    return row[:length]


def _place(key: str, name: str) -> int | None:
    place = key.removeprefix(f"{name}.").partition(".")[0]
    return int(place) if place.isascii() and place.isdigit() else None


def _of(model: type[BaseModel], names: tuple[str, ...] = ()) -> tuple[Field, ...]:
    hints = get_type_hints(model, include_extras=True)
    return tuple(
        _field(name, hints[name], info)
        for name, info in model.model_fields.items()
        if not names or name in names
    )


def _field(name: str, hint: Any, info: FieldInfo) -> Field:
    if get_origin(hint) in (Union, UnionType):
        hint = next(each for each in get_args(hint) if each is not type(None))
    base, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    inner = get_args(base)[0] if get_origin(base) is tuple else base
    parts = _of(inner) if isclass(inner) and issubclass(inner, BaseModel) else ()
    kind: FieldType = next((kind for named, kind in _NAMED if named in (hint, base)), "line")
    if parts:
        kind = "list" if inner is not base else "image" if inner is Image else "part"
    of = inner.__name__.lower() if parts else ""
    columns = MAX_COLUMNS if kind == "grid" else 0
    return Field(name, kind, info.is_required(), _longest([*marks, info]), of, parts, columns)


def _longest(marks: list[Any]) -> int | None:
    bounds = [bound for mark in marks if isinstance(mark, FieldInfo) for bound in mark.metadata]
    return next((bound.max_length for bound in bounds if hasattr(bound, "max_length")), None)
