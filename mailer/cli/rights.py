"""`mailer rights`: the register of rights requests, for the privacy officer.  Whatever acts is audited."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from mailer.cli import files, show
from mailer.cli.consent import Address
from mailer.cli.opening import audited, opened
from mailer.cli.text import PARAGRAPHS
from mailer.core import audit, bootstrap
from mailer.core.db import utcnow
from mailer.core.i18n import LOCALES
from mailer.privacy.cases import register, statistics
from mailer.privacy.cases.deadlines import pressure
from mailer.privacy.cases.register import BadDay
from mailer.privacy.models import Channel, Outcome, Right, RightsRequest
from mailer.privacy.rights import access, by_staff, erasure_worker
from mailer.privacy.rights import export as portable
from mailer.privacy.rights.erasure import ErasureWaits

Command = Callable[..., None]
_number = click.argument("number", type=int)
_within = click.option(
    "--case", "number", type=int, help="The request it answers, whose history then says so."
)
_lang = click.option("--lang", type=click.Choice(LOCALES), help="MAILER_DEFAULT_LOCALE by default.")


def _reason(why: str) -> Callable[[Command], Command]:
    return click.option("--reason", required=True, type=PARAGRAPHS, help=f"Why; {why}.")


@click.group()
def rights() -> None:
    """Rights requests: what is asked, by when it must be answered, and what became of it."""


@rights.command("list")
@click.option("--closed", is_flag=True, help="Those that are over, instead of those to be answered.")
@show.as_json
def list_(closed: bool, as_json: bool) -> None:
    """List the cases, those to be answered soonest first."""
    with opened() as db:
        rows = [_row(case) for case in register.listing(db, closed=closed)]
    show.table(rows, as_json=as_json, empty="no case is closed" if closed else "no case is open")


@rights.command("show")
@_number
@show.as_json
def show_(number: int, as_json: bool) -> None:
    """Show case NUMBER and its history."""
    with opened() as db:
        case = _case(db, number)
        steps = [
            {"at": each.at.isoformat(timespec="seconds"), "what": each.what, "by": each.by,
             "details": each.details} for each in register.history(db, case)
        ]  # fmt: skip
    facts = _row(case) | {
        "received_at": case.received_at.isoformat(), "acknowledged_at": case.acknowledged_at,
        "extension_reason": case.extension_reason, "refusal_reason": case.refusal_reason,
        "locale": case.locale, "handler": case.handler,
    }  # fmt: skip
    if as_json:
        show.facts(facts | {"history": steps}, as_json=True)
        return
    show.facts(facts, as_json=False)
    click.echo()
    show.table(steps, as_json=False, empty="")


@rights.command("open")
@click.option("--right", type=click.Choice([each.value for each in Right]), required=True, help="Which.")
@click.option("--channel", type=click.Choice([each.value for each in Channel]), default="terminal",
              show_default=True, help="How it came.")  # fmt: skip
@click.option("--email", type=Address(), help="Where to answer; a receipt leaves at once.")
@click.option("--name", help="Who asks, above all when there is no address.")
@click.option("--received", type=click.DateTime(["%Y-%m-%d"]), help="The day it came; today by default.")
@click.option("--text", default="", type=PARAGRAPHS, help="What is asked for.")
@_lang
@show.as_json
def open_(lang: str | None, as_json: bool, **given: Any) -> None:
    """Open a case for a request that came by post, by telephone or by another way."""
    settings, now = bootstrap.prepare(), utcnow()
    if not given["email"] and not given["name"]:
        raise click.UsageError("give --email or --name: one must know whom to answer")
    with opened() as db:
        case = register.open(
            db, right=Right(given["right"]), channel=Channel(given["channel"]), email=given["email"],
            name=given["name"], locale=lang or settings.default_locale,
            received_at=_day(given["received"], now), by=audit.TERMINAL,
            text=register.tidy(given["text"]), now=now,
        )  # fmt: skip
        audited(db, "rights open", case=case.number)
    show.facts(_row(case), as_json=as_json)


@rights.command()
@_number
@_reason("told to the person")
@show.as_json
def extend(number: int, reason: str, as_json: bool) -> None:
    """Take two more months for case NUMBER, and tell the person why; until its first due date."""
    _act("extend", number, partial(register.extend, reason=reason), as_json)


@rights.command()
@_number
@click.option("--question", required=True, type=PARAGRAPHS, help="What is asked of the person.")
@show.as_json
def pause(number: int, question: str, as_json: bool) -> None:
    """Ask who it is that made case NUMBER, and stop its clock until they have said (RGPD 12(6))."""
    _act("pause", number, partial(register.pause, words=question), as_json)


@rights.command()
@_number
@show.as_json
def resume(number: int, as_json: bool) -> None:
    """Have the clock of case NUMBER run again, due later by the days it stood; the person is told."""
    _act("resume", number, register.resume, as_json)


@rights.command()
@_number
@_reason("told to the person, with the remedies: CNIL and court")
@show.as_json
def refuse(number: int, reason: str, as_json: bool) -> None:
    """Refuse case NUMBER, and close it."""
    _act("refuse", number, partial(register.refuse, reason=reason), as_json)


@rights.command()
@_number
@click.option("--outcome", required=True, help="What became of it.",
              type=click.Choice([each.value for each in Outcome if each is not Outcome.REFUSED]))  # fmt: skip
@click.option(
    "--answer",
    default="",
    type=PARAGRAPHS,
    help="The answer, sent to the person; without it no letter leaves.",
)
@show.as_json
def close(number: int, outcome: str, answer: str, as_json: bool) -> None:
    """Close case NUMBER, with its answer."""
    _act("close", number, partial(register.close, outcome=Outcome(outcome), words=answer), as_json)


@rights.command("figures")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Received that day or later.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Received that day or earlier.")
@show.as_json
def figures_(since: datetime | None, until: datetime | None, as_json: bool) -> None:
    """Count the register: open, late, closed in time, by right, channel and outcome."""
    with opened() as db:
        found = statistics.figures(
            db, now=utcnow(), since=since.date() if since else None, until=until.date() if until else None
        )
    show.facts(vars(found), as_json=as_json)


@rights.command()
@files.csv_file
@_lang
@show.as_json
def export(out: Path, lang: str | None, as_json: bool) -> None:
    """Write the register to a CSV that is safe to open in a spreadsheet, and names nobody."""
    settings = bootstrap.prepare()
    with opened() as db:
        with files.opened_csv(out) as file:
            written = statistics.write(db, file, lang or settings.default_locale)
        audited(db, "rights export", rows=written)
    show.facts({"out": out, "rows": written}, as_json=as_json)


@rights.command("access")
@click.argument("email", type=Address())
@files.folder
@_lang
@show.as_json
def access_(email: str, out: Path, lang: str | None, as_json: bool) -> None:
    """Write all that is held about EMAIL, as a page and as a zip (RGPD 15)."""
    settings, now = bootstrap.prepare(), utcnow()
    locale = lang or settings.default_locale
    with opened() as db:
        held = access.draw(db, email, now)
        mark = held.consent.fingerprint
        audited(db, "rights access", fingerprint=mark)
    stem = out / f"{portable.words(locale)['file']}-{mark[:16]}"
    pages = {
        "html": (stem.with_suffix(".html"), portable.document(held, locale).encode()),
        "zip": (stem.with_suffix(".zip"), portable.archive(held, locale)),
    }
    files.write_files(out, dict(pages.values()))
    if held.empty:
        click.echo("nothing is held under this address", err=True)
    show.facts({kind: path for kind, (path, _) in pages.items()} | {"held": not held.empty}, as_json=as_json)


@rights.command()
@click.argument("email", type=Address())
@click.option("--never-again", is_flag=True, help="And never write there again, whoever imports it.")
@_within
@click.option("--yes", is_flag=True, help="Do not ask.")
@show.as_json
def erase(email: str, never_again: bool, number: int | None, yes: bool, as_json: bool) -> None:
    """Erase all that is held about EMAIL (RGPD 17); the certificate is sent there.

    Without --case, a case is opened for it; either closes by itself once the certificate has left.
    """
    if not yes:
        click.confirm(f"Erase all that is held about {email}? It cannot be undone", abort=True, err=True)
    with opened() as db:
        case = by_staff.ask_erasure(
            db, email, never_again=never_again, channel=Channel.TERMINAL, by=audit.TERMINAL, now=utcnow(),
            case=_maybe(db, number),
        )  # fmt: skip
    done = erasure_worker.attempt(case.id, clock=utcnow)
    if done is None:
        raise click.ClickException(
            f"nothing is erased yet: the log says why; it is case {case.number}, and the service tries again"
        )
    if isinstance(done, ErasureWaits):
        click.echo("no mail leaves any more; the erasure waits until the change of address can no longer be "
                   "undone", err=True)  # fmt: skip
    show.facts(vars(done), as_json=as_json)


@rights.command()
@click.argument("email", type=Address())
@_within
@show.as_json
def restrict(email: str, number: int | None, as_json: bool) -> None:
    """Freeze what is held about EMAIL (RGPD 18): no letter, no change, no purge.  The person is told."""
    with opened() as db:
        changed = by_staff.restrict(db, email, case=_maybe(db, number), by=audit.TERMINAL, now=utcnow())
    show.facts({"restricted": True, "changed": changed}, as_json=as_json)


@rights.command()
@click.argument("email", type=Address())
@_within
@show.as_json
def lift(email: str, number: int | None, as_json: bool) -> None:
    """End the restriction of EMAIL, three days after the person was told (RGPD 18(3))."""
    with opened() as db:
        ends = by_staff.lift(db, email, case=_maybe(db, number), by=audit.TERMINAL, now=utcnow())
    show.facts({"restricted": True, "ends": ends.isoformat(timespec="seconds")}, as_json=as_json)


def _maybe(db: Session, number: int | None) -> RightsRequest | None:
    return _case(db, number) if number else None


def _case(db: Session, number: int) -> RightsRequest:
    found = register.find(db, number)
    if found is None:
        raise click.ClickException(f"there is no case {number}: `mailer rights list` names them")
    return found


def _row(case: RightsRequest) -> dict[str, Any]:
    state = case.outcome or pressure(
        case.due_on, register.today(utcnow()), paused=case.paused_at is not None
    )  # fmt: skip
    return {
        "number": case.number, "right": case.right, "channel": case.channel,
        "who": case.name or case.email, "received": register.today(case.received_at).isoformat(),
        "due": case.due_on.isoformat(), "state": state,
    }  # fmt: skip


def _act(what: str, number: int, does: Callable[..., object], as_json: bool) -> None:
    """Do something with a case, and show it; noted in the audit unless `does` says that nothing changed."""
    with opened() as db:
        case = _case(db, number)
        if does(db, case, by=audit.TERMINAL, now=utcnow()) is not False:
            audited(db, f"rights {what}", case=number)
    show.facts(_row(case), as_json=as_json)


def _day(received: datetime | None, now: datetime) -> datetime | None:
    try:
        return register.arrived(received.date(), now) if received else None
    except BadDay as bad:
        said = "is yet to come" if bad.future else "is years ago"
        raise click.BadParameter(f"{date.isoformat(received.date() if received else now)} {said}",
                                 param_hint="--received") from None  # fmt: skip
