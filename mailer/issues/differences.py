"""Tell the differences between two versions of a letter: block by block, field by field, in words.  Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from mailer.issues import drafts, fields, undoing
from mailer.issues.drafts import Values
from mailer.issues.fields import Field
from mailer.issues.form_words import HEAD, FormWords, excerpt
from mailer.issues.undoing import HEAD_PIECE, Change, Letter

Done = Literal["added", "removed", "changed", "moved"]
Kept = Literal["same", "added", "removed"]
_WORDS = re.compile(r"\s*\w+|\s*[^\w\s]+|\s+")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_MOST = 4_000_000  # comparisons of a word with a word: beyond, lines are compared


@dataclass(frozen=True)
class Run:
    """Hold words in a row that are in both texts, or in one of them."""

    kept: Kept
    text: str


@dataclass(frozen=True)
class FieldDifference:
    """Hold what changed in one field; `label`: what it is called."""

    label: str
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Difference:
    """Hold what happened to a block, or to the head; places count from 1, 0 where it is not."""

    kind: str
    excerpt: str
    done: tuple[Done, ...]
    place_before: int
    place_after: int
    fields: tuple[FieldDifference, ...] = ()


def differences(before: Letter, after: Letter, said: FormWords | None = None) -> list[Difference]:
    """Return which blocks differ: the head, then the others as they are read; with `said`, in words."""
    change = undoing.change(before, after)
    touched = {*change.edited, *change.added, *change.removed, *change.moved}
    removed = [name for name in before.ids if name not in after.ids]
    order = sorted([*removed, *after.ids], key=lambda name: _place(after, name) or _place(before, name))
    return [
        _difference(before, after, name, change, said) for name in (HEAD_PIECE, *order) if name in touched
    ]


def _difference(
    before: Letter, after: Letter, name: str, change: Change, said: FormWords | None
) -> Difference:
    old, new = _values(before, name), _values(after, name)
    kind = HEAD if name == HEAD_PIECE else (new or old)["kind"]
    return Difference(
        kind, "" if kind == HEAD else excerpt(new or old), tuple(_done(change, name)),
        _place(before, name), _place(after, name), tuple(_fields(kind, old, new, said)) if said else (),
    )  # fmt: skip


def _values(letter: Letter, name: str) -> Values:
    """Return a block or the head; without anything if it is not there."""
    return (
        drafts.head(letter.document) if name == HEAD_PIECE else drafts.block_of(letter.document, name) or {}
    )


def _place(letter: Letter, name: str) -> int:
    return letter.ids.index(name) + 1 if name in letter.ids else 0


def _done(change: Change, name: str) -> Iterator[Done]:
    ways: tuple[tuple[Done, tuple[str, ...]], ...] = (
        ("added", change.added), ("removed", change.removed),
        ("changed", change.edited), ("moved", change.moved),
    )  # fmt: skip
    return (done for done, names in ways if name in names)


def _fields(kind: str, old: Values, new: Values, said: FormWords) -> Iterator[FieldDifference]:
    for field in fields.of_head() if kind == HEAD else fields.of_kind(kind):
        texts = [_text(field, values.get(field.name), said) for values in (old, new)]
        if texts[0] != texts[1]:
            yield FieldDifference(said.label(kind, field.name), tuple(runs(*texts)))


def _text(field: Field, value: Any, said: FormWords) -> str:
    """Return what is in a field as one reads it: its parts with their labels, a line each."""
    if field.type == "grid":
        return "\n".join(" | ".join(map(str, row)) for row in value or ())
    if isinstance(value, list | tuple):
        return "\n\n".join(_parts(field, each, said) for each in value)
    if isinstance(value, dict):
        return _parts(field, value, said)
    return said.yes() if value is True else str(value or "")


def _parts(field: Field, values: Values, said: FormWords) -> str:
    return "\n".join(
        said.labelled(field.of, part.name, _text(part, values[part.name], said))
        for part in field.parts
        if values.get(part.name)
    )


def runs(old: str, new: str) -> Iterator[Run]:
    """Yield the words of two texts: those of both, and those of one alone."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    if len(before) * len(after) > _MOST:
        before, after = _LINES.findall(old), _LINES.findall(new)
    for way, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if way == "equal":
            yield Run("same", "".join(before[i1:i2]))
            continue
        if i1 < i2:
            yield Run("removed", "".join(before[i1:i2]))
        if j1 < j2:
            yield Run("added", "".join(after[j1:j2]))
