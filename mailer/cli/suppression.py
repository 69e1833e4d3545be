"""`mailer suppression`: addresses never to be written to, kept as keyed fingerprints."""

from pathlib import Path
from typing import Any

import click

from mailer.cli import files, show
from mailer.cli.opening import audited, opened
from mailer.core.db import utcnow
from mailer.subscribers import suppressions as people
from mailer.subscribers.models import SuppressionReason
from mailer.subscribers.suppressions import PersonalSuppression, SuppressedAddress, UnreadableLine

_REASONS = [reason.value for reason in SuppressionReason]
_reason = click.option(
    "--reason", type=click.Choice(_REASONS), default="manual", show_default=True, help="Why."
)


class Mark(click.ParamType):  # type: ignore[type-arg]
    """Hold an email address, or a fingerprint in hexadecimal."""

    name = "ADDRESS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        try:
            return people.fingerprint_from(value)
        except ValueError:
            self.fail(f"{value} is neither an email address nor a fingerprint", param, ctx)


@click.group()
def suppression() -> None:
    """Addresses never to be written to: enforced at every import and at the gate of every send."""


@suppression.command()
@click.argument("mark", metavar="ADDRESS", type=Mark())
@_reason
@show.as_json
def add(mark: bytes, reason: SuppressionReason, as_json: bool) -> None:
    """Never write to ADDRESS again."""
    now = utcnow()
    with opened() as db:
        added = people.add(db, [SuppressedAddress(mark, SuppressionReason(reason), now)])
        audited(db, "suppression add", fingerprint=mark.hex(), reason=reason, added=added)
    show.facts({"fingerprint": mark.hex(), "added": added}, as_json=as_json)


@suppression.command()
@click.argument("mark", metavar="ADDRESS", type=Mark())
@show.as_json
def remove(mark: bytes, as_json: bool) -> None:
    """Take back a suppression that staff or a bounce made.  A person's own is lifted by them alone."""
    with opened() as db:
        try:
            removed = people.remove(db, mark)
        except PersonalSuppression as refusal:
            raise click.ClickException(
                f"this is the person's own decision ({refusal.reason}): only they lift it, by signing up"
            ) from None
        audited(db, "suppression remove", fingerprint=mark.hex(), removed=removed)
    show.facts({"fingerprint": mark.hex(), "removed": removed}, as_json=as_json)


@suppression.command("list")
@show.as_json
def list_(as_json: bool) -> None:
    """List the fingerprints, why, and since when."""
    with opened() as db:
        rows = [
            {"fingerprint": each.fingerprint.hex(), "reason": each.reason, "at": each.at.isoformat()}
            for each in people.addresses(db)
        ]
    show.table(rows, as_json=as_json, empty="nobody is suppressed")


@suppression.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_reason
@show.as_json
def import_(file: Path, reason: SuppressionReason, as_json: bool) -> None:
    """Suppress everybody of FILE: fingerprints as `export` writes them, or addresses, which are hashed."""
    with opened() as db, file.open(encoding="utf-8-sig", newline="") as lines:
        try:
            added = people.add(db, people.read(lines, SuppressionReason(reason), now=utcnow()))
        except (UnreadableLine, UnicodeDecodeError) as fault:
            where = f", line {fault.line}" if isinstance(fault, UnreadableLine) else ""
            raise click.ClickException(
                f"{file.name}{where}: neither a fingerprint nor an email address; nothing was kept"
            ) from None
        audited(db, "suppression import", added=added)
    show.facts({"added": added}, as_json=as_json)


@suppression.command()
@files.table_file
@show.as_json
def export(out: Path, form: str | None, as_json: bool) -> None:
    """Write the fingerprints to a file; of use under the same MAILER_FINGERPRINT_KEY alone."""
    with opened() as db:
        written = files.write_table(people.table(db), out, form)
        audited(db, "suppression export", rows=written)
    show.facts({"out": out, "rows": written}, as_json=as_json)
