"""`mailer issue`: from a file to a certificate."""

from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from mailer.cli import confirmation, files, show
from mailer.cli.opening import audited, opened
from mailer.core import bootstrap
from mailer.core.db import utcnow
from mailer.core.settings import Settings
from mailer.delivery import follow, load_issue, reports
from mailer.delivery.certificate import certify
from mailer.issues import lifecycle, yaml_file
from mailer.issues.findings import Finding
from mailer.issues.models import Issue

MIN_PREFIX = 8  # characters
TERMINAL = "terminal"  # the approver, when nobody is logged in


@click.group()
def issue() -> None:
    """Issues of a newsletter.  ID is an issue's identifier, or its first characters (8 at least)."""


@issue.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@show.as_json
def import_(file: Path, as_json: bool) -> None:
    """Make a draft of FILE.yaml and of the images it names, and say what is to correct before it is sent."""
    settings, now = bootstrap.prepare(), utcnow()
    content, assets = yaml_file.load(file)
    with opened() as db:
        created = lifecycle.import_issue(db, content, assets, now=now)
        found = lifecycle.findings(db, created, settings, leaves=now)
    _show_draft(created, found, as_json=as_json)


@issue.command()
@click.argument("given", metavar="ID")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@show.as_json
def edit(given: str, file: Path, as_json: bool) -> None:
    """Replace a draft by FILE.yaml and the images it names."""
    settings, now = bootstrap.prepare(), utcnow()
    content, assets = yaml_file.load(file)
    with opened() as db:
        changed = find(db, given)
        lifecycle.edit(db, changed, content, assets, by=TERMINAL, now=now)
        found = lifecycle.findings(db, changed, settings, leaves=now)
    _show_draft(changed, found, as_json=as_json)


@issue.command()
@click.argument("given", metavar="ID")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@show.as_json
def delete(given: str, *, yes: bool, as_json: bool) -> None:
    """Delete a draft."""
    with opened() as db:
        found = find(db, given)
    agreed = yes or confirmation.asked(f"Delete the draft “{found.title}”? There is no way back.", by="--yes")
    with opened() as db:
        found = find(db, given)
        lifecycle.delete(db, found)
        audited(db, "issue delete", issue=str(found.id))
    show.facts({"id": found.id, "title": found.title, "deleted": agreed}, as_json=as_json)


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
    page, text = _parts(message)
    files = {"issue.html": page.encode(), "issue.txt": text.encode(), "issue.eml": message}
    out.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        (out / name).write_bytes(body)
    show.facts({Path(name).suffix[1:]: out / name for name in files}, as_json=as_json)


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


def _parts(message: bytes) -> tuple[str, str]:
    """Return the HTML and the text of a message, as its reader's mailbox shows them."""
    parsed = message_from_bytes(message, policy=policy.default)
    bodies = [parsed.get_body((kind,)) for kind in ("html", "plain")]
    page, text = (body.get_content().replace("\r\n", "\n") if body else "" for body in bodies)
    return page, text


def _show_draft(draft: Issue, found: list[Finding], *, as_json: bool) -> None:
    number = draft.content.get("number")
    facts = {"id": draft.id, "number": number, "title": draft.title, "state": draft.state}
    if as_json:
        facts["findings"] = [confirmation.as_dict(finding) for finding in found]
    show.facts(facts, as_json=as_json)
    confirmation.show_findings(found)


def _row(of: Issue, settings: Settings) -> dict[str, Any]:
    return {
        "id": of.id, "newsletter": of.newsletter.slug, "number": of.content.get("number"), "title": of.title,
        "state": of.state,
        "due_at": local(of.due_at, settings),
    }  # fmt: skip


def local(at: datetime | None, settings: Settings) -> str | None:
    return at.astimezone(settings.zone).isoformat(timespec="minutes") if at else None
