"""`mailer staff`: who may open the desk."""

import sys

import click
from sqlalchemy.orm import Session

from mailer.cli import show
from mailer.cli.opening import audited, opened
from mailer.core.db import utcnow
from mailer.staff import accounts, passwords
from mailer.staff.models import Staff

piped = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@click.group()
def staff() -> None:
    """Accounts of the desk."""


@staff.command()
@click.option("--email", required=True, help="With which one logs in.")
@click.option("--name", required=True, help="As the desk and the certificates show it.")
@piped
@show.as_json
def create(email: str, name: str, password_stdin: bool, as_json: bool) -> None:
    """Open an account; the password is asked for."""
    password = _password(password_stdin)
    with opened() as db:
        account = accounts.create(db, email=email, name=name, password=password, now=utcnow())
        audited(db, "staff create", staff=str(account.id))
    show.facts({"id": account.id, "email": account.email, "name": account.name}, as_json=as_json)


@staff.command("list")
@show.as_json
def list_(as_json: bool) -> None:
    """List the accounts, and which are disabled."""
    with opened() as db:
        rows = [_facts(each) for each in accounts.listing(db)]
    show.table(rows, as_json=as_json, empty="no account yet: mailer staff create --email E --name N")


@staff.command()
@click.argument("email")
@piped
def password(email: str, password_stdin: bool) -> None:
    """Give an account another password, and end its sessions."""
    typed = _password(password_stdin)
    with opened() as db:
        account = _account(db, email)
        accounts.check(typed, account.email, account.name)
        accounts.set_password(db, account.id, passwords.hashed(typed), epoch=account.epoch)
        audited(db, "staff password", staff=str(account.id))
    click.echo("The password is changed; every session of this account has ended.")


@staff.command()
@click.argument("email")
def disable(email: str) -> None:
    """Let an account open nothing any more, and end its sessions; its name stays on what it did."""
    with opened() as db:
        account = _account(db, email)
        if accounts.disable(db, account.id, now=utcnow()):
            audited(db, "staff disable", staff=str(account.id))
    click.echo("The account is disabled; every session of it has ended.")


@staff.command()
@click.argument("email")
def enable(email: str) -> None:
    """Let a disabled account log in again, with the password it had."""
    with opened() as db:
        account = _account(db, email)
        if accounts.enable(db, account.id):
            audited(db, "staff enable", staff=str(account.id))
    click.echo("The account is enabled.")


def _account(db: Session, email: str) -> Staff:
    found = accounts.find(db, email)
    if found is None:
        raise click.ClickException("no account has this address: see `mailer staff list`")
    return found


def _facts(account: Staff) -> dict[str, object]:
    return {
        "email": account.email, "name": account.name, "created": account.created_at,
        "disabled": account.disabled_at, "password": "set" if account.password_hash else "to be set",
    }  # fmt: skip


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = click.prompt("Password", hide_input=True, err=True, confirmation_prompt=True)
    return asked
