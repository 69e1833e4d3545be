"""`mailer staff`: who may open the desk."""

import sys

import click

from mailer.cli import show
from mailer.cli.opening import opened
from mailer.core.db import utcnow
from mailer.staff import accounts


@click.group()
def staff() -> None:
    """Accounts of the desk."""


@staff.command()
@click.option("--email", required=True, help="With which one logs in.")
@click.option("--name", required=True, help="As the desk and the certificates show it.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@show.as_json
def create(email: str, name: str, password_stdin: bool, as_json: bool) -> None:
    """Open an account; the password is asked for."""
    password = _piped() if password_stdin else click.prompt("Password", hide_input=True, err=True,
                                                            confirmation_prompt=True)  # fmt: skip
    with opened() as db:
        account = accounts.create(db, email=email, name=name, password=password, now=utcnow())
    show.facts({"id": account.id, "email": account.email, "name": account.name}, as_json=as_json)


def _piped() -> str:
    return sys.stdin.readline().rstrip("\r\n")
