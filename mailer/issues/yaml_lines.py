"""Find the line of a part of a YAML file, by the nodes it was parsed into.  Lines begin at 1."""

from collections.abc import Sequence
from typing import Any

import yaml


def of_field(root: Any, where: Sequence[int | str]) -> int:
    """Return the line of the deepest part of a path that the file has."""
    return _deepest(root, where)[0]


def of_text(root: Any, where: Sequence[int | str]) -> int:
    """Return the line on which a field's text begins: a literal one (|) does so under its name."""
    line, node = _deepest(root, where)
    return line + (getattr(node, "style", None) == "|")


def of_value(node: Any, value: str) -> int:
    """Return the last line that says that value; 0 when none does."""
    if isinstance(node, yaml.ScalarNode):
        return int(node.start_mark.line) + 1 if node.value == value else 0
    children = node.value if isinstance(node, yaml.SequenceNode) else [v for _, v in node.value]
    return max((of_value(child, value) for child in children), default=0)


def _deepest(node: Any, where: Sequence[int | str]) -> tuple[int, Any]:
    line = int(node.start_mark.line) + 1
    for step in where:
        if isinstance(step, int) and isinstance(node, yaml.SequenceNode) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            match = next(((k, v) for k, v in node.value if k.value == step), None)
            if match is None:
                break
            line, node = match[0].start_mark.line + 1, match[1]
        else:
            break
    return line, node
