"""`mailer outcomes`: what comes back."""

import json
from pathlib import Path
from typing import Any

import click

from mailer.cli import show
from mailer.core.settings import SettingsError, settings
from mailer.outcomes import mime
from mailer.outcomes.recognise import recognise


@click.group()
def outcomes() -> None:
    """Read what comes back: bounces, complaints, replies."""


@outcomes.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@show.as_json
@click.pass_context
def classify(ctx: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Say what each mail is, about whom, and what their server meant; change nothing.

    One line a FILE, in their order.  It opens no database.  Without the installation's secret keys a token
    of ours is not recognised.  A file that cannot be read is named, the others are read, and it exits with 1.
    """
    keyed, unreadable = _has_keys(), False
    for file in files:
        try:
            with file.open("rb") as mail:
                report = recognise(mail.read(mime.LONGEST), keyed=keyed)
        except OSError as fault:
            click.echo(f"{file}: {fault.strerror}", err=True)
            unreadable = True
            continue
        facts = {"file": str(file), **report.as_json()}
        click.echo(json.dumps(facts, ensure_ascii=False) if as_json else _line(facts))
    ctx.exit(1 if unreadable else 0)


def _has_keys() -> bool:
    try:
        settings()
    except SettingsError:
        return False
    return True


def _line(facts: dict[str, Any]) -> str:
    people = ", ".join(
        " ".join(str(part) for part in (one["address"], one["verdict"], one["code"], one["status"]) if part)
        for one in facts["recipients"]
    )
    ours = "".join(f", {name} {which}" for name, which in (facts["ours"] or {}).items())
    return f"{facts['file']}: {facts['kind']}{': ' if people else ''}{people}{ours} ({facts['rule']})"
