"""Door: the `mailer` command, one module a group.  What goes wrong is said in one line, and exits with 1."""

import os
import sys

import click

from mailer.cli import (
    backup,
    consent,
    dkim,
    doctor,
    init,
    install,
    issue,
    issue_moves,
    newsletter,
    notices,
    outcomes,
    refusals,
    retention,
    rgpd,
    rights,
    staff,
    subscribers,
    suppression,
    text,
    unknown,
)
from mailer.cli.errors import sentence
from mailer.core import bootstrap


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mailer")
def cli() -> None:
    """Send newsletters, and prove why each person was written to.

    Settings are MAILER_* variables, or a mailer.env file in this folder (`mailer init` writes one).
    """


for command in (
    install.demo, init.init, doctor.doctor, install.db, staff.staff, newsletter.newsletter,
    subscribers.subscribers,
    suppression.suppression, issue.issue, notices.notices, consent.consent, rights.rights,
    retention.retention, outcomes.outcomes, dkim.dkim, backup.backup, backup.restore, rgpd.rgpd,
):  # fmt: skip
    cli.add_command(command)
for command in (
    issue_moves.schedule, issue_moves.unschedule, issue_moves.pause, issue_moves.resume, issue_moves.cancel,
    unknown.unknown_, refusals.refusals_,
):  # fmt: skip
    issue.issue.add_command(command)
text.one_line(cli)


def main() -> None:
    """Run the console script; what it writes is for its owner alone."""
    os.umask(bootstrap.PRIVATE)
    bootstrap.set_up_logs(least="warning")
    try:
        cli(prog_name="mailer")
    except Exception as error:
        said = sentence(error)
        if said is None:
            raise
        click.ClickException(said).show()
        sys.exit(1)
