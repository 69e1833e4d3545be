"""`mailer issue`: from a file to a certificate."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from mailer.cli import files, show
from mailer.cli.opening import opened
from mailer.core import bootstrap
from mailer.core.db import utcnow
from mailer.core.settings import Settings
from mailer.delivery import follow, load_issue, reports
from mailer.delivery.certificate import certify
from mailer.issues import lifecycle, yaml_file
from mailer.issues.models import Issue
from mailer.rendering import local_time

MIN_PREFIX = 8  # characters
TERMINAL = "terminal"  # the approver, when nobody is logged in


@click.group()
def issue() -> None:
    """Issues of a newsletter.  ID is an issue's identifier, or its first characters (8 at least)."""


@issue.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@show.as_json
def import_(file: Path, as_json: bool) -> None:
    """Make a draft of FILE.yaml and of the images it names."""
    bootstrap.prepare()
    content, assets = yaml_file.load(file)
    with opened() as db:
        created = lifecycle.import_issue(db, content, assets, now=utcnow())
    show.facts({"id": created.id, "title": created.title, "state": created.state}, as_json=as_json)


@issue.command("list")
@show.as_json
def list_(as_json: bool) -> None:
    """List the issues, the newest first."""
    settings = bootstrap.prepare()
    with opened() as db:
        rows = [_row(each, settings) for each in lifecycle.listing(db)]
    show.table(rows, as_json=as_json, empty="no issue yet: mailer issue import FILE.yaml")


@issue.command()
@click.argument("given", metavar="ID")
@files.folder
@show.as_json
def preview(given: str, out: Path, as_json: bool) -> None:
    """Write an issue as it will be received: HTML, text, and a whole message (.eml)."""
    settings = bootstrap.prepare()
    with opened() as db:
        found = find(db, given)
        rendered = lifecycle.rendered(db, found, settings)
        message = load_issue.sample(found, rendered, settings, now=utcnow())
    files = {
        "issue.html": rendered.html.encode(),
        "issue.txt": rendered.text.encode(),
        "issue.eml": message,
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        (out / name).write_bytes(body)
    show.facts({Path(name).suffix[1:]: out / name for name in files}, as_json=as_json)


@issue.command()
@click.argument("given", metavar="ID")
@click.option("--at", metavar="TIME", help='When it leaves, in MAILER_TIME_ZONE: "2026-12-01 08:00".')
@click.option("--turn", type=click.Choice(["first", "second"]),
              help="Which one you mean, when clocks go back and that time happens twice.")  # fmt: skip
@click.option("--now", "at_once", is_flag=True, help="It leaves at once.")
@show.as_json
def schedule(*, given: str, at: str | None, turn: str | None, at_once: bool, as_json: bool) -> None:
    """Approve an issue as it stands, and say when it leaves."""
    if (at is None) is not at_once:
        raise click.UsageError('say when: --at "2026-12-01 08:00", or --now')
    settings, now = bootstrap.prepare(), utcnow()
    fold = {"first": 0, "second": 1, None: None}[turn]
    due_at = local_time.parse_future(at, settings.zone, fold, now=now) if at else now
    with opened() as db:
        found = find(db, given)
        lifecycle.schedule(db, found, due_at=due_at, approver=TERMINAL, now=now, settings=settings)
    show.facts({"id": found.id, "state": found.state, "due_at": _local(due_at, settings)}, as_json=as_json)


@issue.command()
@click.argument("given", metavar="ID")
@click.option("--follow", "followed", is_flag=True, help="Stay until the issue is closed.")
@show.as_json
def status(given: str, followed: bool, as_json: bool) -> None:
    """Say where an issue is, and what became of its deliveries."""
    settings = bootstrap.prepare()
    with opened() as db:
        found = find(db, given)
    if followed:
        follow.follow(found.id)
    with opened() as db:
        found = find(db, given)
        progress = reports.progress(db, found.id)
    show.facts(_row(found, settings) | vars(progress), as_json=as_json)


@issue.command()
@click.argument("given", metavar="ID")
@show.as_json
def certificate(given: str, as_json: bool) -> None:
    """Print the account of a closed issue: audience = accepted + refused + withheld + unknown."""
    with opened() as db:
        account = certify(db, find(db, given).id)
    show.facts(account.as_dict(), as_json=as_json)


def find(db: Session, given: str) -> Issue:
    """Return the one issue whose identifier begins so.  Raises click's exceptions."""
    prefix = given.strip().lower()
    if len(prefix) < MIN_PREFIX:
        raise click.UsageError(f"give at least the first {MIN_PREFIX} characters of the issue's identifier")
    found = lifecycle.with_prefix(db, prefix)
    if len(found) != 1:
        fault = "no issue has" if not found else "several issues have"
        raise click.ClickException(
            f"{fault} an identifier that begins with {prefix}: see `mailer issue list`"
        )
    return found[0]


def _row(of: Issue, settings: Settings) -> dict[str, Any]:
    return {
        "id": of.id, "newsletter": of.newsletter.slug, "title": of.title, "state": of.state,
        "due_at": _local(of.due_at, settings),
    }  # fmt: skip


def _local(at: datetime | None, settings: Settings) -> str | None:
    return at.astimezone(settings.zone).isoformat(timespec="minutes") if at else None
