"""Who hosts the mailboxes, how much each takes at a time, and what it says when that is too much.  Pure.

What the providers publish, or are known for (2024-2026), is the source of connections and messages per
connection; none publishes a rate, so ours are what those connections can carry with room to spare:

- Gmail: support.google.com/mail/answer/81126 (guidelines; no figure).  Five connections and fifty messages
  are what KumoMTA ships.
- Outlook: sendersupport.olc.protection.outlook.com/pm/Policies (fewer than 500 connections); 451 4.7.652
  comes far below that from a young address.
- Yahoo: help.yahoo.com/kb/SLN3433.html, twenty messages a connection.
- Orange: three connections, a thousand connections an hour (postmastery.com, « Orange protège son
  infrastructure »; postmaster.orange.fr).  orange.fr and wanadoo.fr share them.
- SFR and La Poste: two connections, a hundred messages each (postmastery.com, SFR_IN_xxx and LPNxxx pages).
- Free: postmaster.free.fr gives no figure; it blocks addresses for up to 24 h, so we stay at two.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from mailer.smtp.replies import Reply

OTHER = "other"  # the provider of every address whose provider has no pace of its own


class BadProviders(ValueError):
    """Say that the file of MAILER_PROVIDERS cannot be used; one line says what is wrong in it."""


_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
_Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$", to_lower=True)]


@dataclass(frozen=True, slots=True)
class Provider:
    """Hold one host of mailboxes.  0 means without limit."""

    name: str
    domains: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()  # a mail exchanger of theirs is one of these hosts, or below one
    connections: int = 0  # messages to them in flight at a time, over all senders
    messages: int = 0  # per connection
    rate: float = 0.0  # messages a second, over all senders


_KNOWN = (
    Provider("gmail", ("gmail.com", "googlemail.com"), ("google.com", "googlemail.com"), 5, 50, 30.0),
    Provider(
        "outlook",
        ("outlook.com", "outlook.fr", "hotmail.com", "hotmail.fr", "live.com", "live.fr", "msn.com"),
        ("protection.outlook.com", "mx.microsoft"), 5, 50, 30.0,
    ),
    Provider(
        "yahoo", ("yahoo.com", "yahoo.fr", "ymail.com", "rocketmail.com", "aol.com", "aol.fr"),
        ("yahoodns.net",), 5, 20, 30.0,
    ),
    Provider("orange", ("orange.fr", "wanadoo.fr", "voila.fr"), ("orange.fr", "wanadoo.fr"), 3, 100, 20.0),
    Provider("free", ("free.fr", "aliceadsl.fr", "libertysurf.fr"), ("free.fr", "proxad.net"), 2, 100, 10.0),
    Provider(
        "sfr",
        ("sfr.fr", "neuf.fr", "club-internet.fr", "cegetel.net", "numericable.fr", "noos.fr", "9online.fr"),
        ("sfr.fr",), 2, 100, 10.0,
    ),
    Provider("laposte", ("laposte.net",), ("laposte.net",), 2, 100, 10.0),
    Provider(OTHER),
)  # fmt: skip


@dataclass(frozen=True)
class Providers:
    """Hold the table: whose mailbox an address is, and what its host takes."""

    table: dict[str, Provider] = field(default_factory=lambda: {each.name: each for each in _KNOWN})
    domains: dict[str, str] = field(init=False, repr=False)  # domain → name

    def __post_init__(self) -> None:
        domains = {domain: each.name for each in self.table.values() for domain in each.domains}
        object.__setattr__(self, "domains", domains)

    def of(self, domain: str, mx: Iterable[str] = ()) -> str:
        """Return the provider of a domain (A-labels), by its name, else by its mail exchangers."""
        found = self.domains.get(domain.lower())
        return found or next((name for host in mx if (name := self._host(host.lower()))), OTHER)

    def _host(self, host: str) -> str | None:
        below = ((each.name, suffix) for each in reversed(self.table.values()) for suffix in each.mx)
        return next((name for name, suffix in below if f".{host}".endswith(f".{suffix}")), None)

    @property
    def rates(self) -> dict[str, float]:
        """Messages a second of those that have a limit."""
        return {name: each.rate for name, each in self.table.items() if each.rate}

    def changed(self, text: str) -> "Providers":
        """Return the table with what a YAML text says of some providers, or of new ones.

        Raises BadProviders.

        gmail: {rate: 10}
        town: {domains: [town.example], mx: [mail.town.example], connections: 2, messages: 50, rate: 5}
        """
        table = dict(self.table)
        for name, said in _read(text).items():
            before = table.pop(name, Provider(name))  # the last to name a domain has it
            table[name] = replace(before, **said.model_dump(exclude_unset=True))
        return Providers(table)


class _Said(BaseModel):
    """Say what a file may say of a provider."""

    model_config = ConfigDict(extra="forbid")

    domains: tuple[_Host, ...] = ()
    mx: tuple[_Host, ...] = ()
    connections: int = Field(0, ge=0, le=1000)
    messages: int = Field(0, ge=0)
    rate: float = Field(0, ge=0, allow_inf_nan=False)


_FILE = TypeAdapter(dict[_Name, _Said])


def _read(text: str) -> dict[str, _Said]:
    try:
        return _FILE.validate_python(yaml.safe_load(text) or {})
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise BadProviders(f"{line}not YAML ({error.problem})") from None
    except yaml.YAMLError:
        raise BadProviders("not YAML") from None
    except ValidationError as error:
        raise BadProviders("; ".join(map(_sentence, error.errors()))) from None


def _sentence(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    match fault["type"]:
        case "extra_forbidden":
            said = f"unknown; a provider has {', '.join(_Said.model_fields)}"
        case "string_pattern_mismatch":
            said = "must be small letters, digits and hyphens (and dots, in a domain)"
        case "dict_type":
            said = "the file must name providers, each with what it takes"
        case "model_type" | "model_attributes_type":
            said = "must hold what the provider takes, such as {rate: 10}"
        case _:
            said = str(fault["msg"])
    return f"{where}: {said}" if where else said


_MAILBOX = re.compile(r"4\.2\.\d+\Z")  # of one recipient: Gmail's 450 4.2.1, anyone's 452 4.2.2
_BUSY = re.compile(r"4\.(3\.2|4\.2|4\.5|7\.(2[6-9]|3[0-2])|7\.[5-6]\d\d)\Z")
_FULL_CONNECTION = re.compile(
    r"too many (recipients|messages|mails|transactions|commands)|maximum (number of )?(recipients|messages)"
    r"|(recipients|messages|mails|transactions) (in|on|for|per) (this|one|a|the|each)? ?(connection|session)"
    r"|(session|transaction) limit",
    re.IGNORECASE,
)
_GREYLIST = re.compile(r"gr[ae]y.?list", re.IGNORECASE)
_RATE = re.compile(
    r"\brate\b|\bratelimit|too (many(?! hops| recipients)|much|fast|quickly|frequent)|slow(ing)? down|throttl"
    r"|temporarily (deferred|limited|restricted)|server (is )?busy|congest|unexpected volume"
    r"|(connections?|concurrency|messages?|sending|hourly|daily|relay|volume) (limit|quota)"
    r"|exceeded the maximum number of (connections|messages)|concurrent connections"
    r"|trop de (connexions|messages|mails|courriels)|service refus",
    re.IGNORECASE,
)


def is_throttle(reply: Reply) -> bool:
    """Return whether a reply asks us to slow down towards its whole host, and not only for one recipient.

    421 always does: the server closes the connection (RFC 5321 3.8; Yahoo's [TSS04], Orange's OFR004_104).
    Any other 4xx does when its enhanced code or its words say so:

    - 4.3.2 system not accepting messages, 4.4.2 and 4.4.5 congestion (RFC 3463; Exchange Online's concurrent
      connections, Google's server busy);
    - 4.7.26 to 4.7.32, Google's rate limits for what is unsolicited, unauthenticated or not aligned
      (knowledge.workspace.google.com, Gmail SMTP errors and codes);
    - 4.7.500 to 4.7.699, Exchange Online's « Server busy » and its limits by reputation;
    - words of rate, in English and in French: OFR « Service refuse », LPN027_503, SFR_IN_x05.

    4.7.0 and 4.7.1 alone say nothing, since greylisting uses them; and 4.2.x is about one mailbox, such as
    Gmail's « receiving email too quickly », unless it is our relay's own limit.
    """
    if reply.code // 100 != 4:
        return False
    if reply.code == 421:
        return True
    if _MAILBOX.match(reply.enhanced) and "relay limit" not in reply.text.lower():
        return False
    if _GREYLIST.search(reply.text):
        return False
    return bool(_BUSY.match(reply.enhanced) or _RATE.search(reply.text))


def is_full_connection(reply: Reply) -> bool:
    """Whether a reply on a connection that has carried messages says that it shall carry no more.

    452 too many recipients (RFC 5321 4.5.3.1.10), 4.5.3 (RFC 3463), or words to that effect.  On the first
    message of a connection the same words are about something else.
    """
    return reply.code // 100 == 4 and (reply.enhanced == "4.5.3" or bool(_FULL_CONNECTION.search(reply.text)))
