"""Read a letter that is not finished as far as it can be shown to its author.  Pure.

Where words are missing there is "…"; what is optional and wrong is left out, and so is a block whose day or
picture is missing: nothing is invented that could be taken for true.
"""

from collections.abc import Collection, Sequence
from copy import deepcopy
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mailer.issues import fields, yaml_errors
from mailer.issues.blocks import Block, Cell, Content
from mailer.issues.drafts import PICTURES, Document, Values, written, written_block
from mailer.issues.fields import Field

_WORDS = "…"
_STAND_IN: dict[str, Any] = {
    "line": _WORDS, "title": _WORDS, "summary": _WORDS, "markdown": _WORDS,
    "url": "https://www.example.org/", "list": [{}], "part": {},
}  # fmt: skip
_SHORT = {"departement": "00"}
_ROUNDS = 6  # one of them mends what another has laid bare, at most as deep as a block is
_BLOCK: TypeAdapter[Any] = TypeAdapter(Block)
_CELL: TypeAdapter[str] = TypeAdapter(Cell)


def content(document: Document, known: Collection[str], *, only: str | None = None) -> Content:
    """Return what can be shown of a letter, or of one of its blocks; `known`: the pictures there are."""
    chosen = [block for block in document["blocks"] if only in (None, block["id"])]
    read = (shown(block, known) for block in chosen)
    head = _mended({**written(document), "blocks": [{"kind": "divider"}]}, fields.of_head(), 0)
    whole = Content.model_validate(head)
    return whole.model_copy(update={"blocks": tuple(block for block in read if block is not None)})


def shown(block: Values, known: Collection[str]) -> Any | None:
    """Return a block as far as it can be shown, None when it cannot be."""
    values = written_block(block)
    for name in PICTURES:
        if name in values and values[name].get("src") not in known:
            del values[name]
    try:
        return _BLOCK.validate_python(_mended(values, fields.of_kind(block["kind"]), 1))
    except ValidationError:
        return None


def _mended(values: Values, of: tuple[Field, ...], skip: int) -> Values:
    """Return values in which what is wrong was replaced or left out; `skip`: as in yaml_errors.findings."""
    values = deepcopy(values)
    check = _BLOCK.validate_python if skip else Content.model_validate
    for _round in range(_ROUNDS):
        try:
            check(values)
        except ValidationError as refused:
            for each in yaml_errors.first_causes(refused):
                _mend(values, of, tuple(yaml_errors.steps(each)[skip:]), each["type"])
        else:
            break
    return values


def _mend(values: Any, of: tuple[Field, ...], path: tuple[int | str, ...], code: str) -> None:
    if code in _TOGETHER:
        if (part := _reached(values, path)) is not None:
            _TOGETHER[code](part)
        return
    parent, name = _reached(values, path[:-1]), path[-1] if path else None
    field = fields.at(of, path)
    if field is not None and field.type == "grid":
        values[field.name] = _table(values.get(field.name), field)
        return
    if not isinstance(parent, dict) or field is None:
        return
    parent.pop(name, None)
    if field.required and field.type in _STAND_IN:
        parent[name] = _SHORT.get(field.name, deepcopy(_STAND_IN[field.type]))


def _table(rows: Any, field: Field) -> list[list[str]]:
    """Return what can be shown of a table: each column has a title, and each cell can be read."""
    read = [[_cell(cell) for cell in row[: field.columns]] for row in rows or () if isinstance(row, list)]
    titles, *others = [*read[: field.longest], [], []][: max(len(read), 2)]
    width = max(1, *map(len, (titles, *others)))
    return [[title or _WORDS for title in [*titles, *[""] * (width - len(titles))]], *others]


def _cell(value: Any) -> str:
    try:
        return _CELL.validate_python(value)
    except ValidationError:
        return _WORDS


def _reached(values: Any, path: Sequence[int | str]) -> Any:
    """Return what is at the end of a path, None when nothing is."""
    for step in path:
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            return None
    return values


def _say_when(entry: Values) -> None:
    entry.pop("date", None)
    entry.pop("start", None)
    entry.pop("end", None)
    entry["period"] = entry.get("period", _WORDS)


def _leave_hours_out(entry: Values) -> None:
    entry.pop("start", None)
    entry.pop("end", None)


def _describe(image: Values) -> None:
    image["decorative"] = True


_TOGETHER = {"date_or_period": _say_when, "start_or_end": _leave_hours_out, "alt": _describe}
