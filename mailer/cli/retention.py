"""`mailer retention`: what goes when its time has come, and the traces that PostgreSQL keeps of it."""

import click

from mailer.backup import prune_log
from mailer.cli import show
from mailer.cli.opening import audited, opened
from mailer.core.db import utcnow
from mailer.monitoring import lifecycle
from mailer.privacy.retention import rules, vacuum
from mailer.subscribers.consent import chain


@click.group()
def retention() -> None:
    """How long what is kept: the same rules run by themselves every night."""


@retention.command("run")
@click.option("--dry-run", "dry", is_flag=True, help="Say what would go; nothing is changed.")
@show.as_json
def run_(dry: bool, as_json: bool) -> None:
    """Let go of everything whose time has come, rule by rule."""
    with opened() as db:
        if not dry:
            chain.anchor_head(db, now=utcnow())
    lines = list(rules.run((*rules.RULES, prune_log.RULE, lifecycle.RULE), dry=dry, clock=utcnow))
    rows = [{"rule": each.rule, "rows": each.rows, "kept": each.says} for each in lines]
    failed = sorted({each.rule for each in lines if each.failed})
    if not dry:
        with opened() as db:
            gone = {each.rule: each.rows for each in lines if each.rows}
            audited(db, "retention run", **gone)
    show.table(rows, as_json=as_json, empty="")
    if failed:
        raise click.ClickException(
            f"not applied to the end: {', '.join(failed)}; the log above says what failed"
        )


@retention.command()
@show.as_json
def scrub(as_json: bool) -> None:
    """Rewrite the tables that held people, and the log of writes: what was erased then leaves the disk.

    Each table is locked while it is rewritten; choose an hour without a send.
    """
    with opened() as db:
        audited(db, "retention scrub")
    show.facts({"tables": vacuum.scrub()}, as_json=as_json)
