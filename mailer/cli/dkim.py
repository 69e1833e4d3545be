"""`mailer dkim`: the key that signs what leaves, and its half in the DNS."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from dns.resolver import Resolver

from mailer.cli import files, show
from mailer.cli.opening import opened
from mailer.core import bootstrap
from mailer.core.settings import SELECTOR
from mailer.newsletters import newsletters
from mailer.smtp import dkim as signing
from mailer.smtp import dns

_STRING = 255  # characters; a TXT record is made of strings no longer than that


@click.group()
def dkim() -> None:
    """Make and check the key that signs messages, when the relay does not."""


@dkim.command()
@click.option("--selector", required=True, help="The key's name in the DNS, such as letters2026.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The key's file.")
def create(selector: str, out: Path) -> None:
    """Make a key, and print the DNS record to publish before it is used."""
    if not re.fullmatch(SELECTOR, selector):
        raise click.UsageError("--selector must be a name such as letters2026")
    key = signing.new_key()
    files.write_new(out, key)
    click.echo(f"{selector}._domainkey IN TXT ( {_strings(signing.Signer(selector, key).record)} )")
    click.echo(
        f"{out} written: publish that record in the domain of your newsletters' addresses, then set "
        f"MAILER_DKIM_KEY_FILE={out} and MAILER_DKIM_SELECTOR={selector}, and run `mailer dkim check`",
        err=True,
    )


@dkim.command()
@click.option("--domain", "domains", multiple=True, help="Instead of the newsletters' own; repeatable.")
@click.option("--nameserver", metavar="IP[:PORT]", help="Ask this DNS server, not the machine's.")
@show.as_json
def check(domains: Sequence[str], nameserver: str | None, as_json: bool) -> None:
    """Check the key, and that every newsletter's domain publishes its other half."""
    signer = signing.load(bootstrap.prepare())
    if signer is None:
        raise click.ClickException(
            "nothing is signed here: MAILER_DKIM_KEY_FILE and MAILER_DKIM_SELECTOR are not set"
        )
    using = _resolver(nameserver)
    rows = [
        {
            "domain": each,
            "record": f"{signer.selector}._domainkey.{each}",
            "state": _state(signer, each, using),
        }
        for each in domains or _own_domains()
    ]
    show.table(
        rows, as_json=as_json, empty="the key is good; no newsletter yet whose domain could be checked"
    )
    if any(row["state"] != "published" for row in rows):
        sys.exit(1)


def _strings(record: str) -> str:
    return " ".join(f'"{record[at : at + _STRING]}"' for at in range(0, len(record), _STRING))


def _resolver(nameserver: str | None) -> Resolver:
    try:
        return dns.resolver(nameserver)
    except ValueError:
        raise click.UsageError("--nameserver must be an IP address, with a :PORT if it is not 53") from None
    except dns.NoDns as error:
        raise click.ClickException(f"{error}: name one with --nameserver") from None


def _own_domains() -> list[str]:
    with opened() as db:
        addresses = [each.from_address for each in newsletters.newsletters(db)]
    return sorted({address.rpartition("@")[2].lower() for address in addresses})


def _state(signer: signing.Signer, domain: str, using: Resolver) -> str:
    try:
        found = dns.txt(f"{signer.selector}._domainkey.{domain}", using)
    except dns.NoDns:
        return "the DNS does not answer"
    if not found:
        return "not published"
    return "published" if any(map(signer.is_published_by, found)) else "another key is published"
