"""`mailer init`: write a settings file that works, asking in a terminal for what nobody else can know."""

import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from pydantic_core import PydanticUndefined

from mailer.cli import doctor, files
from mailer.core import settings as configuration
from mailer.core.settings import Settings

_HEAD = """\
# Settings of mailer, read from the folder it is started in (or $MAILER_ENV_FILE).  A MAILER_* variable of
# the environment wins.  A line that begins with # is not set: the value shown is the default, if any.
# Keep this file to yourself, and outside database backups: it holds the keys.
"""
SECRETS = ("secret_keys", "fingerprint_key")
SERVERS = ("database_url", "redis_url")  # asked for too: what an installation has of its own
FIELDS = Settings.model_fields
GIVEN = (*SECRETS, "data_dir")  # required, and written without being asked for
REQUIRED = [name for name, field in FIELDS.items() if field.is_required() and name not in GIVEN]


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default="mailer.env", show_default=True,
              help="The file to write; an existing one is left as it is.")  # fmt: skip
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting, with or without "
              "its MAILER_; it is not asked for.")  # fmt: skip
def init(out: Path, pairs: tuple[str, ...]) -> None:
    """Write a settings file, with fresh secrets.

    In a terminal, what is required is asked for, and each answer is tried.
    """
    if out.exists():
        raise click.ClickException(f"{out} exists already, and was left as it is")
    values = {name: secrets.token_urlsafe(48) for name in SECRETS}
    values |= {"data_dir": str(out.absolute().parent / "var"), **dict(map(_pair, pairs))}
    for name in values:
        if fault := _fault(name, values):
            raise click.UsageError(f"MAILER_{name.upper()}: {fault}")
    if sys.stdin.isatty():
        values |= {name: _asked(name) for name in (*SERVERS, *REQUIRED) if name not in values}
    files.write_new(out, "\n".join([_HEAD, *_entries(values)]).encode())
    missing = [name for name in REQUIRED if not values.get(name)]
    complete = f"complete {len(missing)} lines marked REQUIRED, then " if missing else ""
    click.echo(f"{out} written: {complete}run `mailer doctor`, and `mailer db upgrade`")


def _pair(pair: str) -> tuple[str, str]:
    """Return a setting's name and its value."""
    key, equals, value = pair.partition("=")
    name = key.strip().lower().removeprefix("mailer_")
    if not equals or name not in FIELDS:
        raise click.UsageError(
            f"--set takes KEY=VALUE, and {key or 'nothing'} is no setting: see docs/operations.md"
        )
    return name, value


def _asked(name: str) -> str:
    """Ask for a setting until its value can be used, and the server it names answers, or is wanted anyway."""
    optional = not FIELDS[name].is_required()
    click.echo(f"\n{FIELDS[name].description}", err=True)
    while True:
        value: str = click.prompt(f"MAILER_{name.upper()}", default="" if optional else None, err=True,
                                  show_default=False)  # fmt: skip
        if fault := _fault(name, {name: value}):
            click.echo(f"  {fault}", err=True)
        elif not value or _answers(name, value) or click.confirm("  Keep it anyway?", err=True):
            return value


def _fault(name: str, values: Mapping[str, str]) -> str | None:
    if "${" in values[name] or "\n" in values[name]:
        return "${ and line breaks cannot stand in the file: set this one in the environment"
    return configuration.fault(name, values)


def _answers(name: str, value: str) -> bool:
    """Try a server with what `mailer doctor` would; whether nothing is wrong."""
    look = doctor.LOOKS.get(name)
    found = list(look(value)) if look else []
    for each in found:
        click.echo(f"  {each.state}: {each.sentence}", err=True)
    return all(each.state != doctor.WRONG for each in found)


def _entries(values: Mapping[str, str]) -> Iterator[str]:
    for name, field in FIELDS.items():
        variable = f"MAILER_{name.upper()}"
        if values.get(name):
            yield f"# {field.description}\n{variable}={_quoted(values[name])}\n"
        elif field.is_required():
            yield f"# REQUIRED. {field.description}\n#{variable}=\n"
        else:
            yield f"# {field.description}\n#{variable}={_default(name)}\n"


def _default(name: str) -> str:
    """Return a default as the file would set it; nothing where there is none."""
    default = FIELDS[name].get_default(call_default_factory=True, validated_data={})
    if default is None or default is PydanticUndefined or default == []:
        return ""
    return _quoted(str(default))


def _quoted(value: str) -> str:
    """Return a value as the file holds it: bare where that is safe, else between single quotes."""
    if all(each.isalnum() or each in "._-/:@%+,?=&~" for each in value) and value.isascii():
        return value
    return "'{}'".format(value.replace("\\", "\\\\").replace("'", "\\'"))
