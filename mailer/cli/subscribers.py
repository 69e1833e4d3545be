"""`mailer subscribers`: consents given elsewhere, taken over from a file; and the file one gives away."""

import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import click
from sqlalchemy.orm import Session

from mailer.cli import files, show
from mailer.cli.opening import audited, newsletter_called, opened
from mailer.core import audit, bootstrap, export_file
from mailer.core.db import transaction, utcnow
from mailer.core.export_file import Add
from mailer.core.i18n import LOCALES, TERMINAL, Locale
from mailer.core.settings import Settings, settings
from mailer.delivery import follow
from mailer.imports import export as exporting
from mailer.imports import file_format, lifecycle, pipeline
from mailer.imports.columns import PRESETS, AmbiguousDates, Role, match, with_orders
from mailer.imports.dates import DateOrder
from mailer.imports.file_format import ENCODINGS, Choices, OnDisk
from mailer.imports.lifecycle import CannotUndo, Order
from mailer.imports.models import Import
from mailer.imports.pipeline import Reader, Tally
from mailer.imports.rows import Refused, Terms
from mailer.newsletters import newsletters
from mailer.newsletters.models import LegalBasis

MIN_PREFIX = 8  # characters
LEGAL_TEXT = {
    LegalBasis.PUBLIC_TASK: "this newsletter is a public task: --legal-text must say what it rests on",
    LegalBasis.CONSENT: "--legal-text is for newsletters of a public task: this one rests on consent",
}
TOLD = {Refused.LEFT, Refused.BARRED, Refused.OUTDATED}  # noes taken over: nothing is wrong with their rows
WRITTEN = {DateOrder.DAY_FIRST: " (day first)", DateOrder.MONTH_FIRST: " (month first: 12/31)"}
SHOWN = 20  # refused rows named on the screen; --report names them all


@click.group()
def subscribers() -> None:
    """People who agreed to be written to."""


@subscribers.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--newsletter", "slug", required=True, help="The newsletter they agreed to receive.")
@click.option("--source", required=True, help="Where these consents come from, in a sentence; it is kept.")
@click.option("--consented-at", type=click.DateTime(["%Y-%m-%d"]),
              help="The day they agreed, for the rows that do not say.")  # fmt: skip
@click.option(
    "--legal-text", help="What it rests on, for a newsletter of a public task: dates may then lack."
)
@click.option("--preset", type=click.Choice(list(PRESETS)), help="The service it was exported from; told by "
              "its columns otherwise.")  # fmt: skip
@click.option("--map", "named", multiple=True, metavar="ROLE=COLUMN",
              help="What a column holds, by its header or "
              f"its place (#2). Roles: {', '.join(Role)}.")  # fmt: skip
@click.option("--dates", type=click.Choice(list(DateOrder)), help="How dates in figures are written, where "
              "the file does not tell.")  # fmt: skip
@click.option("--encoding", type=click.Choice(list(ENCODINGS)),
              help="Of the file; told by its bytes otherwise.")  # fmt: skip
@click.option("--sheet", help="Of a spreadsheet; the first one otherwise.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path),
              help="Write what became of every row: a .csv, .xlsx or .json file.")  # fmt: skip
@click.option("--lang", type=click.Choice(LOCALES), default=TERMINAL, help="Of the report.")
@show.as_json
def import_(
    *, file: Path, dry_run: bool, report: Path | None, lang: Any, as_json: bool, **given: Any
) -> None:
    """Import a CSV, .xlsx or .ods FILE, or an export of Brevo, Mailchimp, Sympa or listmonk: opt-outs too.

    Every row needs a source and the date of its consent.  A row that is refused is named by its line, with
    the reason, and the exit code is 1; nobody is brought back who left, objected or was erased since.  An
    import that was cut short goes on where it was when the same command is given again.
    """
    settings = bootstrap.prepare()
    order = _order(file, settings, **given)
    _show_mapping(order)
    with Telling(report, lang) as telling:
        values = _check(order, settings, telling) if dry_run else _run(order, settings, telling)
    telling.rest()
    values |= {
        "peak_mb": peak_mb(), "encoding": order.form.encoding_name, "preset": order.columns.preset.name,
        "dry_run": dry_run,
    }  # fmt: skip
    show.facts(values, as_json=as_json)
    if dry_run:
        click.echo("a dry run: nothing was kept", err=True)
    if set(values["reasons"]) - TOLD:
        sys.exit(1)


@subscribers.command()
@click.option("--newsletter", "slug", required=True, help="Whose subscribers.")
@files.table_file
@click.option("--everybody", is_flag=True, help="Also those who left, never confirmed, or get no letter.")
@show.as_json
def export(slug: str, out: Path, form: str | None, everybody: bool, as_json: bool) -> None:
    """Write a newsletter's subscribers to a file that is safe to open in a spreadsheet.

    The audit keeps that it was written.
    """
    with opened() as db:
        newsletter = newsletter_called(db, slug)
        people = exporting.subscribers(db, newsletter.id, everybody=everybody)
        written = files.write_table(people, out, form)
        audited(db, "subscribers export", newsletter=slug, rows=written, everybody=everybody)
    show.facts({"out": out, "rows": written}, as_json=as_json)


@subscribers.command("imports")
@show.as_json
def imports_(as_json: bool) -> None:
    """List the imports, the newest first."""
    with opened() as db:
        slugs = {each.id: each.slug for each in newsletters.newsletters(db)}
        rows = [_row(each, slugs[each.newsletter_id]) for each in lifecycle.imports(db)]
    show.table(rows, as_json=as_json, empty="no import yet: mailer subscribers import FILE.csv")


@subscribers.command()
@click.argument("given", metavar="ID")
@show.as_json
def undo(given: str, as_json: bool) -> None:
    """Undo an import: withdraw whom it alone allowed.  ID is in `mailer subscribers imports`."""
    with opened() as db:
        found = _find(db, given)
        audited(db, "subscribers undo", **{"import": str(found.id)})
    try:
        with follow.bar(found.new, "withdrawing") as drawn:
            withdrawn = lifecycle.undo(found.id, clock=utcnow, progress=drawn.update)
    except CannotUndo:
        raise click.ClickException(f"this import is {found.state}: only one that has run is undone") from None
    show.facts({"import": found.id, "withdrawn": withdrawn}, as_json=as_json)


class Telling:
    """Name the refused rows: the first ones on the screen, all of them in the report."""

    def __init__(self, report: Path | None, lang: Locale) -> None:
        self._path, self._lang = report, lang
        self._write: Add | None = None
        self._open = ExitStack()
        self._refused = 0

    def __enter__(self) -> Self:
        if self._path:
            file = self._open.enter_context(self._path.open("wb"))
            form, columns = export_file.format_of(self._path), exporting.report_columns(self._lang)
            self._write = self._open.enter_context(export_file.opened(file, form, columns, settings().zone))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, outcomes: Iterable[tuple[int, str]]) -> None:
        for line, outcome, reason in exporting.reported(outcomes, self._lang):
            if self._write:
                self._write((line, outcome, reason))
            if reason:
                self._refused += 1
                if self._refused <= SHOWN:
                    click.echo(f"line {line}: {reason}", err=True)

    def rest(self) -> None:
        if self._refused > SHOWN and not self._write:
            click.echo(f"… and {self._refused - SHOWN} more: --report FILE names them all", err=True)


def _order(
    file: Path, settings: Settings, *, slug: str, source: str, consented_at: datetime | None,
    legal_text: str | None, preset: str | None, named: tuple[str, ...],
    dates: str | None, encoding: str | None, sheet: str | None,
) -> Order:  # fmt: skip
    if not source.strip():
        raise click.UsageError("--source must say where these consents come from")
    with opened() as db:
        newsletter = newsletter_called(db, slug)
    if bool(legal_text) is not (newsletter.legal_basis is LegalBasis.PUBLIC_TASK):
        raise click.UsageError(LEGAL_TEXT[newsletter.legal_basis])
    on_disk = OnDisk(file)
    choices = Choices(encoding or "", sheet or "")
    read = file_format.inspect(on_disk, choices)
    columns = match(read.header, preset or ("sympa" if read.is_dump else None), _named(named))
    rows = (cells for _, cells in file_format.records(on_disk, read))
    try:
        columns = with_orders(columns, rows, DateOrder(dates) if dates else None)
    except AmbiguousDates as fault:
        raise click.UsageError(f"{fault.sentence(TERMINAL)}: --dates day_first, or month_first") from None
    return Order(
        newsletter_id=newsletter.id, by=audit.TERMINAL, source=on_disk, form=read,
        columns=columns, choices=choices,
        terms=Terms(source.strip(), settings.default_locale, settings.zone, _day(consented_at, settings),
                    legal_text, utcnow()),
    )  # fmt: skip


def _named(pairs: tuple[str, ...]) -> dict[Role, str]:
    named = {}
    for pair in pairs:
        role, _, column = pair.partition("=")
        if role not in set(Role) or not column:
            raise click.UsageError(f"--map takes ROLE=COLUMN, with a role among {', '.join(Role)}")
        named[Role(role)] = column
    return named


def _day(day: datetime | None, settings: Settings) -> datetime | None:
    return day.replace(tzinfo=settings.zone).astimezone(UTC) if day else None


def _show_mapping(order: Order) -> None:
    form, columns = order.form, order.columns
    click.echo(
        f"{order.source.name}: {form.encoding_name}, {form.records} rows, taken for: {columns.preset.name}",
        err=True,
    )
    for header, role in columns.shown():
        written = WRITTEN[columns.orders[Role(role)]] if role and Role(role) in columns.orders else ""
        click.echo(f"  {header} -> {role or 'not kept'}{written}", err=True)
    for cells in file_format.sample(order.source, form):
        click.echo(f"    {' | '.join(' '.join(cell.split()) for cell in cells)}", err=True)


def _check(order: Order, settings: Settings, telling: Telling) -> dict[str, Any]:
    reader = Reader(order.source, order.form, lifecycle.rows(order, settings), order.newsletter_id)
    started = time.monotonic()
    with follow.bar(order.form.records, "checking") as drawn:
        tally = pipeline.check(reader, telling.add, progress=drawn.update)
    return _counts(tally, time.monotonic() - started)


def _run(order: Order, settings: Settings, telling: Telling) -> dict[str, Any]:
    with transaction() as db:
        job = lifecycle.begin(db, order)
        details = {"import": str(job.id), "source": order.terms.source, "from": job.done}
        audited(db, "subscribers import", **details)
    try:
        with follow.bar(order.form.records, "importing") as drawn:
            rows = lifecycle.rows(order, settings)
            pipeline.run(job, order.source, order.form, rows, clock=utcnow, progress=drawn.update)
    except pipeline.Busy:
        raise click.ClickException("another import is under way: try again when it is over") from None
    with transaction() as db:
        telling.add(lifecycle.report(db, job.id))
    tally = Tally(job.done, job.new, job.known, Counter(job.reasons))
    return _counts(tally, job.seconds) | {"import": job.id}


def _counts(tally: Tally, seconds: float) -> dict[str, Any]:
    return {"read": tally.read, "new": tally.new, "known": tally.known, "refused": tally.refused,
            "reasons": dict(tally.reasons), "seconds": round(seconds, 1)}  # fmt: skip


def peak_mb() -> int:
    """Return the most memory this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _row(of: Import, slug: str) -> dict[str, Any]:
    return {"id": of.id, "newsletter": slug, "state": of.state, "file": of.file_name, "read": of.done,
            "new": of.new, "known": of.known, "refused": of.refused, "undone": of.undone,
            "begun": of.created_at.isoformat(timespec="seconds")}  # fmt: skip


def _find(db: Session, given: str) -> Import:
    if len(given) < MIN_PREFIX:
        raise click.UsageError(f"an import is named by {MIN_PREFIX} characters of its identifier at least")
    found = lifecycle.beginning(db, given.lower())
    if len(found) != 1:
        raise click.ClickException(f"no single import has an identifier that begins with {given}")
    return found[0]
