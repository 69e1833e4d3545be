"""An issue as a YAML file with its images beside it: read, validated, every fault named with its line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mailer.issues import assets
from mailer.issues.assets import AssetFile
from mailer.issues.blocks import KINDS, Content
from mailer.issues.yaml_errors import say, sentence


class _Loader(yaml.SafeLoader):
    """Safe, and leaves figures as they are written: to YAML 1.1, 14:30 is 870, and 02 is 2."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- as PyYAML declares it
        first: [
            (tag, form)
            for tag, form in resolvers
            if tag.rpartition(":")[2] not in {"int", "float", "timestamp"}
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where: line (from 1), path of the field, sentence."""

    line: int
    field: str
    sentence: str


class IssueFileError(Exception):
    """The file cannot become an issue; every fault found is listed."""

    def __init__(self, name: str, faults: Sequence[Fault], locale: str) -> None:
        self.faults = list(faults)
        word = "ligne" if locale == "fr" else "line"
        colon = " : " if locale == "fr" else ": "
        super().__init__(
            "\n".join(
                f"{name}, {word} {f.line}{', ' + f.field if f.field else ''}{colon}{f.sentence}"
                for f in faults
            )
        )


def load(path: Path, locale: str = "fr") -> tuple[Content, dict[str, AssetFile]]:
    """Return an issue file and its images, by `src`.

    Raises IssueFileError, or OSError when it cannot be read.
    """
    root, values = _parse(path, locale)
    try:
        content = Content.model_validate(values)
    except ValidationError as error:
        faults = [_fault(e, root, locale) for e in _first_causes(error.errors())]
        raise IssueFileError(path.name, faults, locale) from None
    return content, _assets(content, path, root, locale)


def _parse(path: Path, locale: str) -> tuple[Any, dict[Any, Any]]:
    """Return the file's nodes, which know their lines, and its values.  Raises IssueFileError."""
    body = path.read_bytes()
    try:
        text = body.decode("utf-8")
        root = yaml.compose(text, Loader=_Loader)
        values = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a safe loader
    except UnicodeDecodeError as error:
        fault = Fault(body.count(b"\n", 0, error.start) + 1, "", say("not text in UTF-8", locale))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        fault = Fault(line, "", f"YAML: {error.problem}")
    except (yaml.YAMLError, RecursionError):
        fault = Fault(1, "", say("not text that YAML can hold", locale))
    else:
        if isinstance(values, dict):
            return root, values
        fault = Fault(1, "", say("must be a list of fields", locale))
    raise IssueFileError(path.name, [fault], locale)


def _assets(content: Content, path: Path, root: Any, locale: str) -> dict[str, AssetFile]:
    read: dict[str, AssetFile] = {}
    faults = []
    for image in content.images():
        try:
            read[image.src] = _asset(path.parent, image.src)
        except ValueError as error:
            faults.append(Fault(_line_of_value(root, image.src), image.src, say(str(error), locale)))
    if faults:
        raise IssueFileError(path.name, faults, locale)
    return read


def _asset(folder: Path, src: str) -> AssetFile:
    file = (folder / src).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise ValueError("must be inside the folder of the issue file")
    if not file.is_file():
        raise ValueError("no such file")
    with file.open("rb") as image:
        return assets.read(image.read(assets.MAX_BYTES + 1))


def _first_causes(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without those that only follow from another: a list is too short when its items were refused."""
    places = [error["loc"] for error in errors]
    return [e for e in errors if not any(e["loc"] == p[: len(e["loc"])] != p for p in places)]


def _fault(error: ErrorDetails, root: Any, locale: str) -> Fault:
    where = list(error["loc"])
    if where[0] == "blocks" and where[2:3] and where[2] in KINDS:
        del where[2]  # pydantic's name for the member of the union: the file has no such step
    line = _locate(root, where)
    field = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in where).lstrip(".")
    return Fault(line, field, sentence(error, locale))


def _locate(node: Any, where: Sequence[int | str]) -> int:
    """Return the line of the deepest part of a path that the file has."""
    line = int(node.start_mark.line) + 1
    for step in where:
        if isinstance(step, int) and isinstance(node, yaml.SequenceNode) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == step), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
            continue
        else:
            break
        line = node.start_mark.line + 1
    return line


def _line_of_value(node: Any, value: str) -> int:
    if isinstance(node, yaml.ScalarNode):
        return int(node.start_mark.line) + 1 if node.value == value else 0
    children = node.value if isinstance(node, yaml.SequenceNode) else [v for _, v in node.value]
    return max((_line_of_value(child, value) for child in children), default=0)
