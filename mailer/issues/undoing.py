"""Find what changed between two versions of a letter, and take it back from the letter of now.  Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mailer.issues import drafts
from mailer.issues.blocks import PICTURES
from mailer.issues.drafts import MAX_BLOCKS, Document, TooManyBlocks, Values
from mailer.issues.fields import HEAD

HEAD_PIECE = "head"  # no block has this id
_MARKS = frozenset({"id", "revision"})


class ChangedSince(Exception):
    """Say that what was to be taken back is no longer as it was left."""


@dataclass(frozen=True)
class Letter:
    """Hold a letter (see drafts.py) and the files of its images, by their src."""

    document: Document
    assets: dict[str, str]

    @property
    def ids(self) -> list[str]:
        """Return its blocks' ids, in their order."""
        return [block["id"] for block in self.document["blocks"]]

    def piece(self, name: str) -> Any:
        """Return a block, or the head, with the files of its images; None if it is not there.

        What is equal here is the same to its readers.
        """
        if name == HEAD_PIECE:
            return drafts.head(self.document)
        block = drafts.block_of(self.document, name)
        return None if block is None else (_unmarked(block), self.files(block))

    def files(self, block: Values) -> dict[str, str]:
        """Return the files of a block's images."""
        sources = [(block.get(name) or {}).get("src", "") for name in PICTURES]
        return {src: self.assets[src] for src in sources if src in self.assets}


@dataclass(frozen=True)
class Change:
    """Hold what differs between two letters: ids of blocks, and HEAD_PIECE."""

    edited: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()

    @property
    def only_edited(self) -> str | None:
        """Return the one piece that was rewritten, if nothing else was done."""
        alone = not (self.added or self.removed or self.moved) and len(self.edited) == 1
        return self.edited[0] if alone else None

    def __bool__(self) -> bool:
        return bool(self.edited or self.added or self.removed or self.moved)


def change(before: Letter, after: Letter) -> Change:
    """Return what was done between two letters."""
    both = [block_id for block_id in before.ids if block_id in set(after.ids)]
    kept = _longest_in_order([both.index(block_id) for block_id in after.ids if block_id in set(both)])
    return Change(
        tuple(name for name in (HEAD_PIECE, *both) if before.piece(name) != after.piece(name)),
        tuple(block_id for block_id in after.ids if block_id not in set(both)),
        tuple(block_id for block_id in before.ids if block_id not in set(both)),
        tuple(block_id for place, block_id in enumerate(both) if place not in kept),
    )


def towards(now: Letter, *, goal: Letter, left: Letter) -> Letter:
    """Return the letter of now with what differs between `left` and `goal` as it is in `goal`.

    `left` is how the letter was left: what differs must be so still.  Raises ChangedSince, TooManyBlocks.
    """
    todo = change(left, goal)
    _refuse_changes(now, left, todo, {*goal.ids} & {*left.ids} & {*now.ids})
    blocks = _placed(_contents(now, goal, todo), goal.ids, [*todo.moved, *todo.added])
    if len(blocks) > MAX_BLOCKS:
        raise TooManyBlocks
    document = _with_head_of(now.document, goal.document) if HEAD_PIECE in todo.edited else now.document
    in_order = [block["id"] for block in blocks] == now.ids
    document = document | {"blocks": blocks} if in_order else drafts.rearranged(document, blocks)
    back = [block for block in goal.document["blocks"] if block["id"] in {*todo.edited, *todo.added}]
    files = {src: name for block in back for src, name in goal.files(block).items()}
    return Letter(document, now.assets | files)


def _refuse_changes(now: Letter, left: Letter, todo: Change, common: Collection[str]) -> None:
    touched = (*todo.edited, *todo.removed, *todo.added)
    same = all(now.piece(name) == left.piece(name) for name in touched)
    placed = all(_before(now, name, common) == _before(left, name, common) for name in todo.moved)
    if not (same and placed):
        raise ChangedSince


def _before(letter: Letter, block_id: str, common: Collection[str]) -> set[str] | None:
    """Return which of some blocks come before another; None if it is not there."""
    if block_id not in letter.ids:
        return None
    return {each for each in letter.ids[: letter.ids.index(block_id)] if each in common}


def _contents(now: Letter, goal: Letter, todo: Change) -> dict[str, Values]:
    """Return the blocks there will be, by their ids, each with a revision that it never had."""
    highest = now.document.get("highest", 0)
    blocks = {block["id"]: block for block in now.document["blocks"] if block["id"] not in todo.removed}
    for block in goal.document["blocks"]:
        if block["id"] in todo.edited:
            blocks[block["id"]] = block | {"revision": blocks[block["id"]]["revision"] + 1}
        if block["id"] in todo.added:
            blocks[block["id"]] = block | {"revision": max(highest, block["revision"]) + 1}
    return blocks


def _placed(blocks: dict[str, Values], order: Sequence[str], which: Collection[str]) -> list[Values]:
    """Return blocks with some of them each after the one that it follows in an order."""
    ids = [block_id for block_id in blocks if block_id not in which]
    for place, block_id in enumerate(order):
        if block_id in which:
            before = next((each for each in reversed(order[:place]) if each in ids), None)
            ids.insert(ids.index(before) + 1 if before else 0, block_id)
    return [blocks[block_id] for block_id in ids]


def _with_head_of(document: Document, other: Document) -> Document:
    mine, theirs = drafts.head(document), drafts.head(other)
    kept = {name: value for name, value in document.items() if name not in {*mine, *HEAD}}
    return kept | theirs | {"revision": document["revision"] + 1}


def _unmarked(block: Values) -> Values:
    return {name: value for name, value in block.items() if name not in _MARKS}


def _longest_in_order(places: Iterable[int]) -> set[int]:
    """Return the most of some places that are in their order already."""
    best: list[list[int]] = [[]]
    for place in places:
        best.append([*_longest([run for run in best if not run or run[-1] < place]), place])
    return set(_longest(best))


def _longest(runs: list[list[int]]) -> list[int]:
    return max(runs, key=len)
