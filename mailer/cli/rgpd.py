"""`mailer rgpd`: the papers a controller keeps, and the record of breaches."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from mailer.cli import files, show
from mailer.cli.opening import audited, newsletter_called, opened
from mailer.cli.text import PARAGRAPHS
from mailer.core.db import utcnow
from mailer.core.i18n import LOCALES
from mailer.core.settings import settings
from mailer.newsletters import newsletters
from mailer.privacy import breaches, documents
from mailer.privacy.breaches import ClosedBreach, NotYetHappened
from mailer.privacy.models import Breach

_number = click.argument("number", type=int)
_at = click.option("--at", type=click.DateTime(["%Y-%m-%d %H:%M"]), help="When, in MAILER_TIME_ZONE; now by "
                   "default.")  # fmt: skip


@click.group()
def rgpd() -> None:
    """Write the papers the law wants, and keep the record of breaches."""


@rgpd.command()
@files.folder
@show.as_json
def report(out: Path, as_json: bool) -> None:
    """Write the register entry (article 30), the privacy notice and the list of processors.

    Each in French and in English, as a page and as plain text.  They say what the settings say.
    """
    with opened() as db:
        publications = newsletters.newsletters(db)
    out.mkdir(parents=True, exist_ok=True)
    day = utcnow().astimezone(settings().zone).date()
    written = []
    for locale in LOCALES:
        for name in documents.PAPERS:
            paper = documents.compose(name, locale, publications, settings(), day=day)
            for ending, text in (
                ("html", documents.as_html(paper, locale)),
                ("txt", documents.as_text(paper)),
            ):
                path = out / f"{name}.{locale}.{ending}"
                path.write_text(text, encoding="utf-8")
                written.append(str(path))
    show.facts({"files": written}, as_json=True) if as_json else click.echo("\n".join(written))


@rgpd.group()
def breach() -> None:
    """Breaches of personal data (articles 33 and 34): what happened, who was told, and when."""


@breach.command("open")
@click.option(
    "--what",
    required=True,
    type=PARAGRAPHS,
    help="What happened, to which data, of about how many people; no names.",
)
@_at
@show.as_json
def open_(what: str, at: datetime | None, as_json: bool) -> None:
    """Begin the record of a breach; the 72 hours run from when you became aware of it (--at).

    The data protection officer is written to at once, and a day before the 72 hours end.
    """
    with opened() as db:
        try:
            made = breaches.record(db, what=what, aware_at=_instant(at), now=utcnow())
        except NotYetHappened:
            raise click.BadParameter("it cannot be known before it happens", param_hint="--at") from None
        audited(db, "breach open", breach=made.number)
        values = _row(made)
    show.facts(values, as_json=as_json)


@breach.command("list")
@show.as_json
def list_(as_json: bool) -> None:
    """List the breaches, the newest first, with what is left of their 72 hours."""
    with opened() as db:
        rows = [_row(each) for each in breaches.listing(db)]
    show.table(rows, as_json=as_json, empty="no breach is recorded")


@breach.command()
@_number
@click.option("--people", is_flag=True, help="The people themselves were told, rather than the authority.")
@_at
@show.as_json
def notified(number: int, people: bool, at: datetime | None, as_json: bool) -> None:
    """Note that the CNIL was notified of breach NUMBER, or the people themselves."""
    with opened() as db:
        found = _find(db, number)
        try:
            breaches.notified(db, found, at=_instant(at), people=people, now=utcnow())
        except NotYetHappened:
            raise click.BadParameter(
                "it lies before the breach was known, or in the future", param_hint="--at"
            ) from None
        except ClosedBreach:
            raise click.ClickException(f"breach {number} is closed: its record is not changed") from None
        audited(db, "breach notified", breach=found.number, people=people)
        values = _row(found)
    show.facts(values, as_json=as_json)


@breach.command()
@_number
@click.option(
    "--conclusion",
    required=True,
    type=PARAGRAPHS,
    help="Effects, remedies; why nobody was notified, if nobody was.",
)
@show.as_json
def close(number: int, conclusion: str, as_json: bool) -> None:
    """End the record of breach NUMBER."""
    with opened() as db:
        found = _find(db, number)
        try:
            breaches.close(db, found, conclusion=conclusion, now=utcnow())
        except ClosedBreach:
            raise click.ClickException(f"breach {number} is closed already") from None
        audited(db, "breach close", breach=found.number)
        values = _row(found)
    show.facts(values, as_json=as_json)


@breach.command()
@_number
@files.csv_file
@click.option("--newsletter", "slug", help="Only the people of this one, whatever their subscription.")
@show.as_json
def affected(number: int, out: Path, slug: str | None, as_json: bool) -> None:
    """Write the addresses that breach NUMBER may concern: all that are held now.  The audit keeps it."""
    with opened() as db:
        found = _find(db, number)
        newsletter = newsletter_called(db, slug) if slug else None
        with files.opened_csv(out) as file:
            rows = breaches.write(breaches.affected(db, newsletter.id if newsletter else None), file)
        audited(db, "breach affected", breach=found.number, rows=rows, newsletter=slug)
    show.facts({"out": out, "rows": rows}, as_json=as_json)


def _instant(at: datetime | None) -> datetime:
    return at.replace(tzinfo=settings().zone).astimezone(UTC) if at else utcnow()


def _find(db: Session, number: int) -> Breach:
    found = breaches.find(db, number)
    if found is None:
        raise click.ClickException(f"no breach has the number {number}: see `mailer rgpd breach list`")
    return found


def _row(of: Breach) -> dict[str, Any]:
    return {
        "number": of.number, "aware": _local(of.aware_at), "notify_before": _local(breaches.due(of)),
        "left": _left(of), "notified": _local(of.notified_at), "people_told": _local(of.people_told_at),
        "closed": _local(of.closed_at), "what": of.what,
    }  # fmt: skip


def _local(at: datetime | None) -> str | None:
    return f"{at.astimezone(settings().zone):%Y-%m-%d %H:%M}" if at else None


def _left(of: Breach) -> str | None:
    """Of the 72 hours, while somebody still has to notify."""
    if of.notified_at or of.closed_at:
        return None
    left = breaches.due(of) - utcnow()
    return f"{left // timedelta(hours=1)} h" if left > timedelta(0) else "late"
