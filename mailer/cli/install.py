"""`mailer demo`, `mailer init`, `mailer db`: a first look, a settings file, a schema."""

import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from mailer.backup import migrate
from mailer.cli import files
from mailer.core import bootstrap
from mailer.core.db import engine
from mailer.core.settings import Settings

_HEAD = """\
# Settings of mailer, read from the folder it is started in (or $MAILER_ENV_FILE).  A MAILER_* variable of
# the environment wins.  A line that begins with # is not set: the value shown is the default, if any.
# Keep this file to yourself, and outside database backups: it holds the keys.
"""


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


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default="mailer.env", show_default=True,
              help="The file to write; an existing one is left as it is.")  # fmt: skip
def init(out: Path) -> None:
    """Write a settings file, with fresh secrets, for you to complete."""
    files.write_new(out, "\n".join([_HEAD, *_entries(out.absolute().parent)]).encode())
    click.echo(f"{out} written: complete the lines marked REQUIRED, then run `mailer db upgrade`")


def _entries(folder: Path) -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        variable = f"MAILER_{name.upper()}"
        if name in {"secret_keys", "fingerprint_key"}:
            yield f"# {field.description}\n{variable}={secrets.token_urlsafe(48)}\n"
        elif name == "data_dir":
            yield f"# {field.description}\n{variable}={folder / 'var'}\n"
        elif field.is_required():
            yield f"# REQUIRED. {field.description}\n#{variable}=\n"
        else:
            yield f"# {field.description}\n#{variable}={'' if field.default is None else field.default}\n"


@click.group()
def db() -> None:
    """Look after the database."""


@db.command("upgrade")
def upgrade_db() -> None:
    """Bring the database to this version's schema; repeating it changes nothing."""
    bootstrap.prepare()
    click.echo(f"the database is at revision {migrate.upgrade(engine())}")
