"""`mailer demo`, `mailer db`: a first look, a schema."""

import sys
from pathlib import Path

import click

from mailer.backup import migrate
from mailer.core import bootstrap
from mailer.core.db import engine


@click.command()
@click.option("--once", is_flag=True, help="End when the issue is closed; its certificate is the last line.")
@click.option("--subscribers", type=click.IntRange(1), default=200, show_default=True,
              help="How many.")  # fmt: skip
@click.option("--port", type=click.IntRange(1, 65535), help="Of the site; one that is free, by default.")
@click.option("--dir", "folder", type=click.Path(path_type=Path), default="var/demo", show_default=True,
              help="Where it lives; emptied at each start.")  # fmt: skip
def demo(once: bool, subscribers: int, port: int | None, folder: Path) -> None:
    """Send a real letter to sample subscribers, with everything embedded."""
    from mailer.demo import run

    sys.exit(run.run(once=once, subscribers=subscribers, port=port, folder=folder))


@click.group()
def db() -> None:
    """Look after the database."""


@db.command("upgrade")
def upgrade_db() -> None:
    """Bring the database to this version's schema; repeating it changes nothing."""
    bootstrap.prepare()
    click.echo(f"the database is at revision {migrate.upgrade(engine())}")
