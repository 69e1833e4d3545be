"""Read an issue from a YAML file with its images beside it, and name every fault with its line."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mailer.issues import assets, drafts, yaml_lines
from mailer.issues.assets import AssetFile, BadImage
from mailer.issues.blocks import PROSE_KINDS, Content
from mailer.issues.drafts import Document
from mailer.issues.yaml_errors import Fault, cause, first_causes, place, steps
from mailer.rendering.markdown_check import Problem, problems

_HARD = frozenset({  # what no form could show: the others are mended there
    "extra_forbidden", "mistyped", "union_tag_invalid", "union_tag_not_found", "model_type",
    "model_attributes_type", "tuple_type", "string_type", "bool_type", "bool_parsing", "literal_error",
    "too_long",
})  # fmt: skip


class _Loader(yaml.SafeLoader):
    """Load safely, and leave figures as they are written: to YAML 1.1, 14:30 is 870, and 02 is 2."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- as PyYAML declares it
        first: [
            (tag, form)
            for tag, form in resolvers
            if tag.rpartition(":")[2] not in {"int", "float", "timestamp"}
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class IssueFileError(Exception):
    """Say that the file cannot become an issue; every fault is listed."""

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        self.name, self.faults = name, list(faults)
        super().__init__(", ".join(fault.code for fault in faults))

    def sentence(self, locale: str) -> str:
        """Return every fault, a line each."""
        return "\n".join(fault.sentence(self.name, locale) for fault in self.faults)


def load(path: Path) -> tuple[Content, dict[str, AssetFile]]:
    """Return an issue file and its images, by `src`.

    Raises IssueFileError, or OSError when it cannot be read.
    """
    root, values = _parse(path)
    try:
        content = Content.model_validate(values)
    except ValidationError as error:
        faults = [_fault(e, root) for e in first_causes(error)] + _in_texts(values, root)
        raise IssueFileError(path.name, sorted(faults, key=lambda fault: fault.line)) from None
    return content, _assets((image.src for image in content.images()), path, root, assets.read)


def load_draft(path: Path, read: Callable[[bytes], AssetFile]) -> tuple[Document, dict[str, AssetFile]]:
    """Return an issue file that need not be finished, and its images, which `read` makes fit.

    Raises IssueFileError, for what a form could not show either; BadImage is told as a fault.
    """
    root, values = _parse(path)
    values = {"locale": "fr", "blocks": []} | values
    faults = [
        each for each in _draft_faults(values, root) if each.code in _HARD or each.where == "newsletter"
    ]
    if faults:
        raise IssueFileError(path.name, sorted(faults, key=lambda fault: fault.line))
    document = drafts.written(values)
    sources = (image["src"] for image in drafts.pictures(document))
    return document, _assets(sources, path, root, read)


def _draft_faults(values: dict[Any, Any], root: Any) -> list[Fault]:
    try:
        Content.model_validate(values)
    except ValidationError as error:
        return [_fault(each, root) for each in first_causes(error)]
    return []


def _parse(path: Path) -> tuple[Any, dict[Any, Any]]:
    """Return the file's nodes, which know their lines, and its values.  Raises IssueFileError."""
    body = path.read_bytes()
    try:
        text = body.decode("utf-8")
        root = yaml.compose(text, Loader=_Loader)
        values = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a safe loader
    except UnicodeDecodeError as error:
        fault = Fault(body.count(b"\n", 0, error.start) + 1, "", "utf8")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        fault = Fault(line, "", "yaml", {"problem": error.problem})
    except (yaml.YAMLError, RecursionError):
        fault = Fault(1, "", "no_yaml")
    else:
        if isinstance(values, dict):
            return root, values
        fault = Fault(1, "", "not_a_list_of_fields")
    raise IssueFileError(path.name, [fault])


def _assets(
    sources: Iterable[str], path: Path, root: Any, made_fit: Callable[[bytes], AssetFile]
) -> dict[str, AssetFile]:
    read: dict[str, AssetFile] = {}
    faults = []
    for src in sources:
        try:
            read[src] = _asset(path.parent, src, made_fit)
        except BadImage as error:
            faults.append(Fault(yaml_lines.of_value(root, src), src, str(error)))
    if faults:
        raise IssueFileError(path.name, faults)
    return read


def _asset(folder: Path, src: str, made_fit: Callable[[bytes], AssetFile]) -> AssetFile:
    file = (folder / src).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise BadImage("outside")
    if not file.is_file():
        raise BadImage("no_file")
    with file.open("rb") as image:
        return made_fit(image.read(assets.MAX_BYTES + 1))


def _fault(error: ErrorDetails, root: Any) -> Fault:
    where = steps(error)
    return Fault(yaml_lines.of_field(root, where), place(where), *cause(error))


def _in_texts(values: dict[Any, Any], root: Any) -> list[Fault]:
    """Return what is wrong in the texts of a file that is refused, so that all of it is told at once."""
    blocks = values.get("blocks")
    faults = []
    for number, block in enumerate(blocks if isinstance(blocks, list) else ()):
        prose = isinstance(block, dict) and block.get("kind") in PROSE_KINDS and block.get("text")
        first = yaml_lines.of_text(root, ["blocks", number, "text"])
        written = problems(prose) if isinstance(prose, str) else ()
        faults += [_text_fault(problem, number, first) for problem in written]
    return faults


def _text_fault(problem: Problem, number: int, first: int) -> Fault:
    facts = {"shown": problem.shown, "label": problem.label}
    if problem.code.startswith("link_"):
        facts = {"address": f"[{problem.label}]({problem.shown})" if problem.label else problem.shown}
    return Fault(first + problem.line, f"blocks[{number}].text", problem.code, facts)
