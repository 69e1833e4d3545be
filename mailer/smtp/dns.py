"""Questions to the DNS, asked with little patience."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

PATIENCE = 2.0  # seconds for one question, whatever happens
AT_ONCE = 16  # questions


class NoDns(Exception):
    """Say that nobody answered."""


def resolver(nameserver: str | None = None) -> Resolver:
    """Return this machine's resolver, or the server at HOST[:PORT] (an IP address).

    Raises NoDns when the machine has none, ValueError when that is no address.
    """
    try:
        made = Resolver(configure=nameserver is None)
    except DNSException as error:
        raise NoDns("this machine has no DNS resolver") from error
    if nameserver is not None:
        parts = urlsplit(f"//{nameserver}")
        made.nameservers, made.port = [parts.hostname or ""], parts.port or 53
    made.lifetime = PATIENCE
    return made


def txt(name: str, using: Resolver) -> list[str]:
    """Return the TXT records of a name, each put back together.  Raises NoDns."""
    try:
        found = using.resolve(name, "TXT")
    except (NXDOMAIN, NoAnswer):
        return []
    except DNSException as error:
        raise NoDns(f"the DNS did not answer about {name}") from error
    return [b"".join(record.strings).decode("utf-8", "replace") for record in found]


def mx(domains: Collection[str], using: Resolver | None = None) -> dict[str, tuple[str, ...]]:
    """Return the mail exchangers of each domain that the DNS answers about, the preferred first; never
    raises.

    () is a domain without any, or one that says it takes no mail (RFC 7505).
    """
    try:
        asked = using or resolver()
    except NoDns:
        return {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda domain: _exchangers(domain, asked), domains)
        return {domain: hosts for domain, hosts in zip(domains, found, strict=True) if hosts is not None}


def _exchangers(domain: str, using: Resolver) -> tuple[str, ...] | None:
    try:
        found = sorted(using.resolve(domain, "MX"), key=lambda record: record.preference)
    except (NXDOMAIN, NoAnswer):
        return ()
    except (DNSException, ValueError):  # ValueError: not a name at all
        return None
    hosts = (record.exchange.to_text(omit_final_dot=True).lower() for record in found)
    return tuple(host for host in hosts if host != ".")
