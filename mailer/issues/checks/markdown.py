"""Check an issue's words: Markdown, merge fields, and lines that show what is typed.  Pure."""

import re
from collections.abc import Iterator
from typing import Any

from mailer.issues.blocks import PROSE, Content, Editorial
from mailer.issues.checks.letter import Letter
from mailer.issues.findings import Finding, error, warning
from mailer.rendering import markdown_check
from mailer.rendering.merge_fields import GREETING, WRITTEN, parsed

MILD = {"md_bare", "md_emphasis", "md_product"}  # may be meant
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|&(?:[a-zA-Z]+|#\d+);|\*\*\S+|\]\([^)]*\)")
_SALUTATION = re.compile(
    r"(bonjour|bonsoir|ch[eè]re?s?|mesdames|madame|monsieur|hello|hi|dear)\b", re.IGNORECASE
)
_NOT_SHOWN = {"url", "src", "kind"}


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield what is wrong, in reading order of each kind."""
    content = letter.content
    yield from _greetings(content)
    yield from _markdown(content)
    for name in ("title", "subject", "preheader", "number"):
        yield from _plain_lines(getattr(content, name), name)
    for number, block in enumerate(content.blocks):
        markdown = {"text"} if isinstance(block, PROSE) else set()
        yield from _plain_lines(block.model_dump(mode="json", exclude=markdown), f"blocks[{number}]")


def _greetings(content: Content) -> Iterator[Finding]:
    """Find who is greeted twice: the first editorial greets by itself."""
    greeted = any(isinstance(block, Editorial) for block in content.blocks)
    for number, block in enumerate(content.blocks):
        for name in ("title", "text"):
            greetings = _greetings_in(str(getattr(block, name, "")))
            if greetings > 1 or (greetings and greeted):
                yield error("greets_twice", f"blocks[{number}].{name}")
            greeted = greeted or greetings > 0
        if isinstance(block, Editorial) and (opening := _SALUTATION.match(block.text)):
            yield warning("salutation", f"blocks[{number}].text", opening=opening[0])


def _greetings_in(text: str) -> int:
    fields = (parsed(written["inside"]) for written in WRITTEN.finditer(text))
    return sum(field is not None and field[0] == GREETING for field in fields)


def _markdown(content: Content) -> Iterator[Finding]:
    for number, block in enumerate(content.blocks):
        for problem in markdown_check.problems(block.text) if isinstance(block, PROSE) else ():
            tell = warning if problem.code in MILD else error
            values = {"shown": problem.shown, "label": problem.label}
            yield tell(problem.code, f"blocks[{number}].text", **values)


def _plain_lines(value: Any, where: str) -> Iterator[Finding]:
    """Find markup in titles, labels and the like: they are neither Markdown nor HTML."""
    if isinstance(value, str):
        if found := _MARKUP.search(value):
            yield warning("markup_in_line", where, shown=found[0])
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _plain_lines(item, f"{where}[{number}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in _NOT_SHOWN:
                yield from _plain_lines(item, f"{where}.{name}")
