"""How facts are printed: aligned for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def facts(values: Mapping[str, Any], *, as_json: bool) -> None:
    """One thing."""
    if as_json:
        click.echo(_dumped(dict(values)))
        return
    width = max(map(len, values), default=0)
    for name, value in values.items():
        click.echo(f"{name.replace('_', ' '):{width}}  {_shown(value)}")


def table(rows: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str) -> None:
    """Several things of a kind, or the sentence that says there are none."""
    if as_json:
        click.echo(_dumped(list(rows)))
        return
    if not rows:
        click.echo(empty, err=True)
        return
    lines = [
        [name.replace("_", " ") for name in rows[0]],
        *([_shown(v) for v in row.values()] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {part}" for name, part in value.items()) or "-"
    return str(value)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)
