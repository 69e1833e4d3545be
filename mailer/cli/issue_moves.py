"""`mailer issue schedule`, and what else may be done with an issue on its way."""

from collections.abc import Callable
from datetime import datetime

import click
from sqlalchemy.orm import Session

from mailer.cli import confirmation, show
from mailer.cli.issue import TERMINAL, find, local
from mailer.cli.opening import opened
from mailer.core import bootstrap, i18n
from mailer.core.db import utcnow
from mailer.core.settings import Settings
from mailer.delivery import refusals, scheduling
from mailer.issues import lifecycle
from mailer.issues.acknowledgement import Warned
from mailer.issues.models import Issue
from mailer.rendering import local_time


@click.command()
@click.argument("given", metavar="ID")
@click.option("--at", metavar="TIME", help='When it leaves, in MAILER_TIME_ZONE: "2026-12-01 08:00".')
@click.option("--turn", type=click.Choice(["first", "second"]),
              help="Which one you mean, when clocks go back and that time happens twice.")  # fmt: skip
@click.option("--now", "at_once", is_flag=True, help="It leaves at once.")
@click.option("--accept-warnings", is_flag=True, help="Acknowledge each warning, which is printed.")
@click.option("--after-introductions", "waits", is_flag=True,
              help="It leaves, that time past, once imported people are told.")  # fmt: skip
@show.as_json
def schedule(
    *, given: str, at: str | None, turn: str | None, at_once: bool, accept_warnings: bool, waits: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Approve an issue as it stands, and say when it leaves.

    What the checks call an error stops it; each warning is shown, and you are asked about it by its name. The
    approval keeps those that were acknowledged, and they are not asked about again for the same content.
    """
    if (at is None) is not at_once:
        raise click.UsageError('say when: --at "2026-12-01 08:00", or --now')
    settings, now = bootstrap.prepare(), utcnow()
    fold = {"first": 0, "second": 1, None: None}[turn]
    due_at = local_time.parse_future(at, settings.zone, fold, now=now) if at else now
    read = _acknowledged(_warnings(given, settings, due_at, waits=waits), accepted=accept_warnings)
    with opened() as db:
        found = find(db, given)
        kept = scheduling.schedule(
            db, found, settings, due_at=due_at, approver=TERMINAL, locale=i18n.TERMINAL, acknowledged=read,
            now=utcnow(), waits=waits,
        )  # fmt: skip
    facts = {"id": found.id, "state": found.state, "due_at": local(due_at, settings)}
    facts |= {"acknowledged": [each.finding.code for each in kept]} if as_json else {}
    show.facts(facts, as_json=as_json)


def _warnings(given: str, settings: Settings, due_at: datetime, *, waits: bool) -> list[Warned]:
    """Return what there is to acknowledge.  Raises ForbiddenMove, and NotReady where something stops it."""
    with opened() as db:
        found = find(db, given)
        return scheduling.warned(db, found, lifecycle.ready(db, found, settings, leaves=due_at), waits=waits)


def _acknowledged(warned: list[Warned], *, accepted: bool) -> list[str]:
    """Return the keys of the warnings that whoever types has read: each is printed, then asked about."""
    confirmation.show_findings([each.finding for each in warned])
    asked = [each for each in warned if not each.known]
    for number, each in enumerate(asked, 1):
        if not accepted:
            of = f"Warning {number} of {len(asked)} ({each.finding.code})"
            confirmation.asked(f"{of}: schedule this issue all the same?", by="--accept-warnings")
    return [each.key for each in asked]


Act = Callable[[Session, Issue], object]


def _act(given: str, act: Act, *, as_json: bool) -> None:
    settings = bootstrap.prepare()
    with opened() as db:
        found = find(db, given)
        act(db, found)
    due_at = local(found.due_at, settings)
    show.facts({"id": found.id, "state": found.state, "due_at": due_at}, as_json=as_json)


@click.command()
@click.argument("given", metavar="ID")
@show.as_json
def unschedule(given: str, as_json: bool) -> None:
    """Make a scheduled issue a draft again, to be corrected and approved again."""
    _act(given, lifecycle.unschedule, as_json=as_json)


@click.command()
@click.argument("given", metavar="ID")
@show.as_json
def pause(given: str, as_json: bool) -> None:
    """Stop an issue that leaves, for a while: nothing more is begun."""
    _act(given, lifecycle.pause, as_json=as_json)


@click.command()
@click.argument("given", metavar="ID")
@show.as_json
def resume(given: str, as_json: bool) -> None:
    """Let a paused issue go on; whom the relay refused for reasons that may be ours is tried again."""
    _act(given, lambda db, found: refusals.retry(db, found, by=TERMINAL, now=utcnow()), as_json=as_json)


@click.command()
@click.argument("given", metavar="ID")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@show.as_json
def cancel(given: str, *, yes: bool, as_json: bool) -> None:
    """Stop an issue that leaves, for good: who has not received it will not."""
    with opened() as db:
        title = find(db, given).title
    if not yes:
        confirmation.asked(f"Stop “{title}” for good?", by="--yes")
    _act(given, lifecycle.cancel, as_json=as_json)
