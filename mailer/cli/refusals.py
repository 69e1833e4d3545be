"""`mailer issue refusals`: refusals that may be about us, and what to do about them."""

import click

from mailer.cli import show
from mailer.cli.issue import TERMINAL, find
from mailer.cli.opening import opened
from mailer.core import i18n
from mailer.core.db import utcnow
from mailer.delivery import refusals
from mailer.smtp.reply_words import explained


@click.command("refusals")
@click.argument("given", metavar="ID")
@click.option("--retry", "choice", flag_value="retry", help="Try again, and let the issue go on.")
@click.option("--take", "choice", flag_value="take", help="Take them as final; so will be others like them.")
@show.as_json
def refusals_(given: str, choice: str | None, as_json: bool) -> None:
    """Show the refusals of an issue that may be about us; try again, or take them as they are.

    A relay that refuses the sender, the login or the letter says so to everybody.  Such refusals are final
    for nobody before you have judged: see the reason, mend its cause, and try again.
    """
    done = {}
    with opened() as db:
        found = find(db, given)
        if choice:
            act = refusals.retry if choice == "retry" else refusals.take
            done[choice] = act(db, found, by=TERMINAL, now=utcnow())
        left = refusals.undecided(db, found.id)
    reason = explained(left[0].reason, i18n.TERMINAL) if left else None
    facts = {"refused": sum(each.rows for each in left), "reason": reason}
    show.facts({"id": found.id, "state": found.state, **done, **facts}, as_json=as_json)
