"""Show what the checks found, and ask before what cannot be undone."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from mailer.core.i18n import TERMINAL
from mailer.issues.findings import Finding


def show_findings(found: Sequence[Finding]) -> None:
    """Print each finding as a line on standard error: its level, where it is, and its sentence.

    Advice on wording is counted: there may be one for each sentence.
    """
    for finding in found:
        if finding.level == "advice":
            continue
        where = f"{finding.where}: " if finding.where else ""
        click.echo(f"{finding.level}: {where}{finding.sentence(TERMINAL)}", err=True)
    if advice := sum(finding.level == "advice" for finding in found):
        click.echo(f"advice on wording: {advice} (the desk and --json show it)", err=True)


def as_dict(finding: Finding) -> dict[str, Any]:
    """Return a finding as a program reads it."""
    return {
        "level": finding.level, "code": finding.code, "where": finding.where,
        "sentence": finding.sentence(TERMINAL),
    }  # fmt: skip


def asked(question: str, *, by: str) -> bool:
    """Return True once whoever types has agreed; `by` is the option that says so without a terminal.

    Raises click's exceptions otherwise.
    """
    if not sys.stdin.isatty():
        raise click.ClickException(f"{question} Nobody can answer here: say yes by {by}.")
    return click.confirm(question, abort=True, err=True)
