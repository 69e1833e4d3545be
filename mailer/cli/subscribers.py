"""`mailer subscribers`: consents given elsewhere, taken over from a file."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer import ground, terminal
from mailer.cli import show
from mailer.cli.opening import opened
from mailer.db import utcnow
from mailer.issues.models import Newsletter
from mailer.people import exchange


@click.group()
def subscribers() -> None:
    """People who agreed to be written to."""


@subscribers.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--newsletter", "slug", required=True, help="The newsletter they agreed to receive.")
@click.option("--source", required=True, help="Where these consents come from, in a sentence; it is kept.")
@click.option("--consented-at", type=click.DateTime(["%Y-%m-%d"]),
              help="The day they agreed, for the rows that do not say.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@show.as_json
def import_(
    *, file: Path, slug: str, source: str, consented_at: datetime | None, dry_run: bool, as_json: bool
) -> None:
    """Import FILE.csv: columns email, name, locale, consented_at; separated by , or ;.

    Every row needs the date of its consent.  A row that is refused is named by its line, with the reason;
    the others are imported, in one transaction, and the exit code is 1.
    """
    settings = ground.prepare()
    form = exchange.inspect(file)
    with opened() as db, terminal.bar(form.lines, "importing") as bar:
        terms = exchange.Terms(
            newsletter_id=_newsletter(db, slug), source=_said(source), locale=settings.default_locale,
            zone=settings.zone, consented_at=_day(consented_at, settings.zone), now=utcnow(),
        )  # fmt: skip
        report = exchange.import_csv(db, file, form, terms, progress=bar.update)
        if dry_run:
            db.rollback()
    _print(report, form, dry_run=dry_run, as_json=as_json)
    if report.refused:
        sys.exit(1)


def _newsletter(db: Session, slug: str) -> UUID:
    found = db.scalar(select(Newsletter.id).where(Newsletter.slug == slug))
    if found is None:
        raise click.ClickException(f"no newsletter is called {slug}: see `mailer newsletter list`")
    return found


def _said(source: str) -> str:
    if not source.strip():
        raise click.UsageError("--source must say where these consents come from")
    return source.strip()


def _day(day: datetime | None, zone: ZoneInfo) -> datetime | None:
    return day.replace(tzinfo=zone).astimezone(UTC) if day else None


def _print(report: exchange.Report, form: exchange.Form, *, dry_run: bool, as_json: bool) -> None:
    values = {
        "encoding": "UTF-8" if form.encoding.startswith("utf-8") else "Windows-1252",
        "read": report.read, "new": report.new, "known": report.known, "refused": len(report.refused),
        "dry_run": dry_run,
    }  # fmt: skip
    if as_json:
        show.facts(values | {"refusals": [asdict(each) for each in report.refused]}, as_json=True)
        return
    for each in report.refused:
        click.echo(f"line {each.line}: {each.reason}", err=True)
    show.facts(values, as_json=False)
    if dry_run:
        click.echo("a dry run: nothing was kept", err=True)
