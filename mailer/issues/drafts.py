"""Hold the letter while it is written: its blocks as they were typed, whatever is missing in them.  Pure.

A *document* is what the database stores of an issue: the fields of blocks.Content as JSON values, all of
them optional, and a few of our own. Each block has an `id` that stays and a `revision` that each save raises;
so have the head (`revision`) and the order of the blocks (`order`). A block that comes back gets a revision
above `highest`, that of any block that ever went away. `strict` reads it as what can be sent.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from mailer.issues import blocks, yaml_errors
from mailer.issues.blocks import PROSE_KINDS, Block, Content
from mailer.issues.checks.markdown import MILD
from mailer.issues.fields import HEAD
from mailer.issues.findings import Finding, error
from mailer.issues.pictures import block_faults as picture_faults
from mailer.rendering import markdown_check

Document = dict[str, Any]
Values = dict[str, Any]  # of a block or of the head
MAX_BLOCKS = 100  # as Content has it
PICTURES = blocks.PICTURES
_OWN = frozenset({"revision", "order", "highest"})
_BLOCK_OWN = frozenset({"id", "revision", "review"})
_EMPTY: tuple[Any, ...] = ("", None, {}, [])
_BLOCK: TypeAdapter[Any] = TypeAdapter(Block)


class Stale(Exception):
    """Say that what was to be changed is not what was shown: `theirs` is what it is now, None if gone."""

    def __init__(self, theirs: Values | None) -> None:
        self.theirs = theirs
        super().__init__("stale")


class TooManyBlocks(Exception):
    """Say that a letter holds no more blocks."""


def identified(document: Document) -> Document:
    """Return a copy in which every block has its id and revision, and so have the head and the order.

    A content that never went through here gets the same ids each time, until one of them is saved.
    """
    whole: Document = {"revision": 1, "order": 1} | deepcopy(document)
    blocks = enumerate(document.get("blocks", ()), 1)
    whole["blocks"] = [{"id": str(place), "revision": 1} | deepcopy(block) for place, block in blocks]
    return whole


def fresh(document: Document, *, revision: int = 1) -> Document:
    """Return the same with ids that no block ever had: who still has an older one open is told so."""
    blocks = [new_block(block["kind"]) | written_block(block) for block in document["blocks"]]
    return {"order": 1} | written(document) | {"revision": revision, "blocks": blocks}


def written(document: Document) -> Document:
    """Return what its author wrote, without what is ours and what is empty: what a file holds."""
    return {**head(document), "blocks": [written_block(block) for block in document.get("blocks", ())]}


def written_block(block: Values) -> Values:
    """Return the same of one block."""
    return dict(_full({name: value for name, value in block.items() if name not in _BLOCK_OWN}))


def strict(document: Document) -> Content:
    """Return it as what can be sent.  Raises ValidationError."""
    return Content.model_validate(written(document))


def block_faults(block: Values) -> list[Finding]:
    """Return what keeps a block from being sent; `where` is the path of the field in it: links[0].url."""
    values = written_block(block)
    try:
        _BLOCK.validate_python(values)
    except ValidationError as refused:
        found = yaml_errors.findings(refused, skip=1)
    else:
        found = []
    found = found + picture_faults(values, PICTURES)
    text = values.get("text", "") if values.get("kind") in PROSE_KINDS else ""
    return found + [
        _in_text(problem) for problem in markdown_check.problems(text) if problem.code not in MILD
    ]


def head_faults(document: Document) -> list[Finding]:
    """Return what keeps the head from being sent; `where` is the name of the field."""
    values = {**written(document), "blocks": [{"kind": "divider"}]}
    try:
        Content.model_validate(values)
    except ValidationError as refused:
        return yaml_errors.findings(refused)
    return []


def pictures(document: Document) -> Iterator[Values]:
    """Yield every image that has its file, in reading order."""
    for block in document.get("blocks", ()):
        for name in PICTURES:
            if (image := block.get(name)) and image.get("src"):
                yield image


def block_of(document: Document, block_id: str) -> Values | None:
    """Return a block, None where there is none any more."""
    return next((block for block in document["blocks"] if block["id"] == block_id), None)


def with_head(document: Document, values: Values, *, revision: int) -> Document:
    """Return it with another head.  Raises Stale."""
    if revision != document["revision"]:
        raise Stale({name: document[name] for name in HEAD if document.get(name)})
    kept = {name: value for name, value in document.items() if name not in HEAD}
    return kept | values | {"revision": revision + 1}


def with_block(document: Document, block_id: str, values: Values, *, revision: int) -> tuple[Document, str]:
    """Return it with another content in a block, and the block's id.  Raises Stale, TooManyBlocks.

    Revision 0 says that it is known to be gone: it comes back at the end, under an id of its own, so that
    nobody who still has the old one open writes over it.
    """
    now = block_of(document, block_id)
    if now is None and revision == 0:
        again = new_block(values["kind"]) | values
        return inserted(document, again, after=None), again["id"]
    if now is None or revision != now["revision"]:
        raise Stale(now)
    saved = {"id": block_id, "revision": revision + 1, **values}
    return document | {"blocks": [saved if each is now else each for each in document["blocks"]]}, block_id


def new_block(kind: str) -> Values:
    """Return an empty block."""
    return {"id": uuid4().hex[:12], "revision": 1, "kind": kind}


def inserted(document: Document, block: Values, *, after: str | None) -> Document:
    """Return it with a block more, after another; at the end where that one is not.  Raises TooManyBlocks."""
    blocks = list(document["blocks"])
    if len(blocks) >= MAX_BLOCKS:
        raise TooManyBlocks
    place = next((n for n, each in enumerate(blocks, 1) if each["id"] == after), len(blocks))
    return rearranged(document, [*blocks[:place], block, *blocks[place:]])


def duplicated(document: Document, block_id: str) -> tuple[Document, str]:
    """Return it with the same block twice, and the id of the copy.  Raises Stale, TooManyBlocks."""
    block = _present(document, block_id)
    copy = new_block(block["kind"]) | {name: block[name] for name in block if name not in _BLOCK_OWN}
    return inserted(document, copy, after=block_id), copy["id"]


def moved(document: Document, block_id: str, place: int, *, order: int) -> Document:
    """Return it with a block at another place, the first being 1.  Raises Stale."""
    block = _present(document, block_id)
    if order != document["order"]:
        raise Stale(block)
    others = [each for each in document["blocks"] if each is not block]
    at = min(max(place, 1), len(others) + 1) - 1
    return rearranged(document, [*others[:at], block, *others[at:]])


def removed(document: Document, block_id: str, *, revision: int) -> Document:
    """Return it without a block.  Raises Stale."""
    block = _present(document, block_id)
    if revision != block["revision"]:
        raise Stale(block)
    return rearranged(document, [each for each in document["blocks"] if each is not block])


def rearranged(document: Document, blocks: Sequence[Values]) -> Document:
    """Return it with these blocks in this order; who still has the former order open is told so."""
    left = {block["id"] for block in blocks}
    gone = [block["revision"] for block in document["blocks"] if block["id"] not in left]
    counters = {"highest": max([document.get("highest", 0), *gone])} if gone else {}
    return document | {"blocks": list(blocks), "order": document["order"] + 1} | counters


def head(document: Document) -> Values:
    """Return what is the issue's own, without what is empty."""
    return dict(_full({n: value for n, value in document.items() if n not in _OWN and n != "blocks"}))


def _present(document: Document, block_id: str) -> Values:
    block = block_of(document, block_id)
    if block is None:
        raise Stale(None)
    return block


def _full(value: Any) -> Any:
    """Return a value without what is empty in it, except where it holds a place in a list."""
    if isinstance(value, dict):
        parts = {name: _full(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part not in _EMPTY}
    return [_full(part) for part in value] if isinstance(value, list | tuple) else value


def _in_text(problem: markdown_check.Problem) -> Finding:
    return error(problem.code, "text", shown=problem.shown, label=problem.label)
