"""Questions to the DNS, asked with little patience."""

from urllib.parse import urlsplit

from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

PATIENCE = 2.0  # seconds for one question, whatever happens


class NoDns(Exception):
    """Nobody answered."""


def resolver(nameserver: str | None = None) -> Resolver:
    """This machine's resolver, or the server at HOST[:PORT] (an IP address).

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
    """The TXT records of a name, each put back together.  Raises NoDns."""
    try:
        found = using.resolve(name, "TXT")
    except (NXDOMAIN, NoAnswer):
        return []
    except DNSException as error:
        raise NoDns(f"the DNS did not answer about {name}") from error
    return [b"".join(record.strings).decode("utf-8", "replace") for record in found]
