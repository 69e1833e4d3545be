"""`mailer issue unknown`: deliveries of which nobody knows whether they arrived, and what to do then."""

from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from mailer.cli import show
from mailer.cli.issue import TERMINAL, find
from mailer.cli.opening import opened
from mailer.core.db import utcnow
from mailer.delivery import reports, unknown
from mailer.issues.models import Issue
from mailer.smtp import postfix_log


@click.command("unknown")
@click.argument("given", metavar="ID")
@click.option("--log", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A Postfix log: what it shows as taken was accepted.")  # fmt: skip
@click.option("--leave", "choice", flag_value="leave", help="Let them be, and be alarmed no more.")
@click.option("--resend", "choice", flag_value="resend", help="Send them again: some may get two copies.")
@show.as_json
def unknown_(given: str, log: Path | None, choice: str | None, as_json: bool) -> None:
    """Count the unknown deliveries of an issue; prove them by the relay's log, leave them, or resend them.

    A worker or a relay died between a message's last byte and its reply: it may have arrived or not.  Such
    messages never leave again by themselves.
    """
    with opened() as db:
        found = find(db, given)
        done = _prove(db, found, log) if log else {}
        if choice:
            act = unknown.resend if choice == "resend" else unknown.leave
            done[choice] = act(db, found, by=TERMINAL, now=utcnow())
        left = reports.progress(db, found.id).unknown
    show.facts({"id": found.id, **done, "unknown": left}, as_json=as_json)


def _prove(db: Session, found: Issue, log: Path) -> dict[str, Any]:
    with log.open(encoding="utf-8", errors="replace") as lines:
        return {"proved": unknown.prove(db, found, postfix_log.taken(lines), by=TERMINAL, now=utcnow())}
