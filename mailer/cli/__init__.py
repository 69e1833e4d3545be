"""Door: the `mailer` command, one module a group.  What goes wrong is said in one line, and exits with 1."""

import os
import sys

import click

from mailer.cli import (
    backup,
    consent,
    dkim,
    install,
    issue,
    newsletter,
    notices,
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
    install.demo, install.init, install.db, staff.staff, newsletter.newsletter, subscribers.subscribers,
    suppression.suppression, issue.issue, notices.notices, consent.consent, rights.rights,
    retention.retention, dkim.dkim, backup.backup, backup.restore, rgpd.rgpd,
):  # fmt: skip
    cli.add_command(command)
issue.issue.add_command(unknown.unknown_)
issue.issue.add_command(refusals.refusals_)
text.one_line(cli)


def main() -> None:
    """Run the console script; what it writes is for its owner alone."""
    os.umask(bootstrap.PRIVATE)
    try:
        cli(prog_name="mailer")
    except Exception as error:
        said = sentence(error)
        if said is None:
            raise
        click.ClickException(said).show()
        sys.exit(1)
