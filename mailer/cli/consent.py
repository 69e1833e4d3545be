"""`mailer consent`: the evidence of why each person is written to."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from sqlalchemy.orm import Session

from mailer.cli import files, show
from mailer.cli.opening import audited, opened
from mailer.core import bootstrap
from mailer.core.address import InvalidAddress, normalise
from mailer.core.db import utcnow
from mailer.core.i18n import LOCALES
from mailer.delivery import follow
from mailer.newsletters import newsletters
from mailer.subscribers.consent import consent_file
from mailer.subscribers.consent import verification as kept
from mailer.subscribers.consent import verify as verification
from mailer.subscribers.consent.consent_file import ConsentRecord
from mailer.subscribers.consent.verify import Verification


class Address(click.ParamType):  # type: ignore[type-arg]
    """Hold an email address, as it is kept."""

    name = "EMAIL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return normalise(value)
        except InvalidAddress:
            self.fail(f"{value} is not an email address", param, ctx)


@click.group()
def consent() -> None:
    """Verify and show the file of consent: an append-only chain, keyed, anchored outside."""


@consent.command()
@click.option("--new", is_flag=True, help="Only what was added since all was last verified.")
@show.as_json
@click.pass_context
def verify(context: click.Context, new: bool, as_json: bool) -> None:
    """Verify the chain and what rests on it; names the first place that does not hold, and exits with 1.

    Where somebody could be written to wrongly, the service is disarmed until `mailer restore replay`.
    """
    with opened(disarmed=True) as db, follow.bar(verification.length(db), "verifying") as drawn:
        found = kept.run(db, whole=not new, now=utcnow(), progress=drawn.update)
    values = {
        "whole": found.whole, "events": found.events, "payloads": found.payloads, "expired": found.expired,
        "anchors": found.anchors, "fault": found.broken.fault if found.broken else None,
        "event": found.broken.seq if found.broken else None,
        "first_break": found.broken.sentence if found.broken else None,
    }  # fmt: skip
    show.facts(values, as_json=as_json)
    context.exit(0 if found.whole else 1)


@consent.command("show")
@click.argument("email", type=Address())
@show.as_json
def show_(email: str, as_json: bool) -> None:
    """Show what EMAIL agreed to, when, how, and whether we may write."""
    with opened() as db:
        found = consent_file.draw(db, email, _names(db), now=utcnow())
    if as_json:
        show.facts(consent_file.as_dict(found), as_json=True)
    else:
        _print(found)


@consent.command()
@click.argument("email", type=Address())
@files.folder
@click.option("--lang", type=click.Choice(LOCALES), help="MAILER_DEFAULT_LOCALE by default.")
@show.as_json
def export(email: str, out: Path, lang: str | None, as_json: bool) -> None:
    """Write the file of EMAIL for an inspection: HTML and JSON, with the verification of the chain."""
    settings, now = bootstrap.prepare(), utcnow()
    with opened() as db:
        found, verified = consent_file.draw(db, email, _names(db), now=now), _verified(db)
        audited(db, "consent export", fingerprint=found.fingerprint)
    stem = out / f"consent-{found.fingerprint[:16]}"
    page = consent_file.page(found, verified, lang or settings.default_locale, settings.controller_name)
    data = json.dumps(consent_file.as_dict(found, verified), ensure_ascii=False, indent=2, default=str)
    pages = {"html": (stem.with_suffix(".html"), page), "json": (stem.with_suffix(".json"), data)}
    files.write_files(out, dict(pages.values()))
    show.facts({kind: path for kind, (path, _) in pages.items()}, as_json=as_json)


def _verified(db: Session) -> Verification:
    with follow.bar(verification.length(db), "verifying") as drawn:
        return verification.verify(db, now=utcnow(), progress=drawn.update)


def _names(db: Session) -> dict[UUID, str]:
    return {each.id: each.name for each in newsletters.newsletters(db)}


def _print(found: ConsentRecord) -> None:
    if found.empty:
        click.echo("nothing is held under this address", err=True)
    show.facts({"fingerprint": found.fingerprint, "name": found.name, "suppressed": found.suppressed},
               as_json=False)  # fmt: skip
    for letter in found.letters:
        may = "yes" if letter.standing.may_write else "no"
        click.echo(f"\n{letter.name}\nmay we write: {may} ({letter.standing.why})")
        rows = [
            {"event": entry.seq, "at": entry.at.isoformat(timespec="seconds"), "kind": entry.kind,
             "channel": entry.channel, "source": entry.source,
             "consented_at": consent_file.consented_on(entry.consented_at),
             "seal": "intact" if entry.intact else "ALTERED"}
            for entry in letter.entries
        ]  # fmt: skip
        show.table(rows, as_json=False, empty="")
