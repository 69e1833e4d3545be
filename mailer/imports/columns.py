"""Which column says what: the exports of other services, recognised by their headers.  Pure.

Formats read: Brevo (export of contacts, also by API), Mailchimp (the audience's three files), Sympa (`sympa
dump`, and the member lists of its web pages), listmonk (export of subscribers).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mailer.core.i18n import Explained
from mailer.subscribers.models import SuppressionReason


class Role(StrEnum):
    """What a column may hold."""

    EMAIL = "email"
    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    LOCALE = "locale"
    CONSENTED_AT = "consented_at"
    ASKED_AT = "asked_at"  # stands for consented_at where that is empty
    SOURCE = "source"
    STATUS = "status"
    OPTED_OUT = "opted_out"  # a flag
    OPTED_OUT_AT = "opted_out_at"
    CHANGED_AT = "changed_at"  # when a flag or a status was last changed, at the latest
    BOUNCED_AT = "bounced_at"


ONCE = frozenset(Role) - {Role.OPTED_OUT}
LEAVES = "leaves"  # what a status may mean, beside a SuppressionReason: left this newsletter…
AWAITS = "awaits"  # …or never confirmed


@dataclass(frozen=True)
class Preset:
    """An export that is known: its columns, in lower case, and how it writes dates and states."""

    name: str
    columns: Mapping[str, Role]
    signature: frozenset[str] = frozenset()  # any of these headers tells it, beside its email column
    utc: bool = False  # its dates are in UTC; else in MAILER_TIME_ZONE
    states: Mapping[str, str] = field(default_factory=dict)
    flagged: str = LEAVES  # what a raised OPTED_OUT means


_STATES = {
    "unsubscribed": LEAVES, "désinscrit": LEAVES, "désabonné": LEAVES, "opted out": LEAVES,
    "inactive": LEAVES, "disabled": LEAVES, "ended": LEAVES, "unconfirmed": AWAITS, "pending": AWAITS,
    "blocklisted": SuppressionReason.UNSUBSCRIBED_ALL, "blacklisted": SuppressionReason.UNSUBSCRIBED_ALL,
    "cleaned": SuppressionReason.HARD_BOUNCE, "bounced": SuppressionReason.HARD_BOUNCE,
    "complained": SuppressionReason.COMPLAINT,
}  # fmt: skip
OWN = Preset(
    "own",
    {
        "email": Role.EMAIL, "e-mail": Role.EMAIL, "mail": Role.EMAIL, "courriel": Role.EMAIL,
        "adresse électronique": Role.EMAIL, "adresse e-mail": Role.EMAIL, "email address": Role.EMAIL,
        "name": Role.NAME, "nom complet": Role.NAME,
        "first name": Role.FIRST_NAME, "firstname": Role.FIRST_NAME, "prénom": Role.FIRST_NAME,
        "prenom": Role.FIRST_NAME, "last name": Role.LAST_NAME, "lastname": Role.LAST_NAME,
        "nom": Role.LAST_NAME, "locale": Role.LOCALE, "langue": Role.LOCALE, "language": Role.LOCALE,
        "consented_at": Role.CONSENTED_AT, "date de consentement": Role.CONSENTED_AT,
        "date d'inscription": Role.CONSENTED_AT, "date d’inscription": Role.CONSENTED_AT,
        "source": Role.SOURCE, "origine": Role.SOURCE, "provenance": Role.SOURCE,
        "status": Role.STATUS, "statut": Role.STATUS, "state": Role.STATUS,
        "opted_out_at": Role.OPTED_OUT_AT, "unsubscribed_at": Role.OPTED_OUT_AT,
        "date de désinscription": Role.OPTED_OUT_AT,
    },
    states=_STATES,
)  # fmt: skip
BREVO = Preset(
    "brevo",
    {
        "email": Role.EMAIL, "firstname": Role.FIRST_NAME, "prenom": Role.FIRST_NAME,
        "lastname": Role.LAST_NAME, "nom": Role.LAST_NAME, "language": Role.LOCALE,
        "added_time": Role.CONSENTED_AT, "modified_time": Role.CHANGED_AT,
        "blacklisted": Role.OPTED_OUT, "email_blacklisted": Role.OPTED_OUT, "blocklisted": Role.OPTED_OUT,
        "email_blocklisted": Role.OPTED_OUT, "_blocklisted": Role.OPTED_OUT,
    },
    frozenset({"added_time", "modified_time", "email_blacklisted", "email_blocklisted", "_blocklisted"}),
    flagged=SuppressionReason.UNSUBSCRIBED_ALL,
)  # fmt: skip
MAILCHIMP = Preset(
    "mailchimp",
    {
        "email address": Role.EMAIL, "email": Role.EMAIL, "first name": Role.FIRST_NAME,
        "last name": Role.LAST_NAME, "language": Role.LOCALE,
        "confirm_time": Role.CONSENTED_AT, "optin_time": Role.ASKED_AT, "status": Role.STATUS,
        "unsub_time": Role.OPTED_OUT_AT, "clean_time": Role.BOUNCED_AT, "last_changed": Role.CHANGED_AT,
    },
    frozenset({"leid", "euid", "member_rating", "optin_time", "unsub_time", "clean_time"}),
    utc=True,
    states=_STATES | {"nonsubscribed": AWAITS, "transactional": AWAITS},
)  # fmt: skip
SYMPA = Preset(
    "sympa",
    {
        "email": Role.EMAIL, "gecos": Role.NAME, "name": Role.NAME, "date": Role.CONSENTED_AT,
        "reception": Role.STATUS, "suspend": Role.OPTED_OUT,
    },
    frozenset({"gecos", "reception"}),
    utc=True,
    states={"nomail": LEAVES},
)  # fmt: skip
LISTMONK = Preset(
    "listmonk",
    {
        "email": Role.EMAIL, "name": Role.NAME, "status": Role.STATUS, "created_at": Role.CONSENTED_AT,
        "updated_at": Role.CHANGED_AT,
    },
    frozenset({"uuid"}),
    utc=True,
    states=_STATES,
)  # fmt: skip
PRESETS = {preset.name: preset for preset in (OWN, BREVO, MAILCHIMP, SYMPA, LISTMONK)}


class NoMapping(Explained, ValueError):
    """Tell why the columns cannot be told apart, and what to do."""

    sentences = "imports", "no_mapping"


@dataclass(frozen=True)
class Columns:
    """A file's columns, and what each is taken for; None: it is not kept."""

    preset: Preset
    headers: tuple[str, ...]
    roles: tuple[Role | None, ...]

    def at(self, role: Role) -> int | None:
        """Return the place of the column that holds this, if any."""
        return self.roles.index(role) if role in self.roles else None

    def all(self, role: Role) -> list[int]:
        return [place for place, each in enumerate(self.roles) if each is role]

    def shown(self) -> list[tuple[str, str | None]]:
        """Return each header with what it is taken for."""
        pairs = zip(self.headers, self.roles, strict=True)
        return [(header, role.value if role else None) for header, role in pairs]


def match(
    headers: Sequence[str], name: str | None = None, given: Mapping[Role, str] | None = None
) -> Columns:
    """Take each column for what its header says, by the preset of this name or the one that is recognised.

    `given` names columns outright.  Raises NoMapping.
    """
    preset = PRESETS[name] if name else recognise(headers)
    low = [header.strip().lower() for header in headers]
    named = {column.strip().lower(): role for role, column in (given or {}).items()}
    if unknown := set(named) - set(low):
        missing, there = ", ".join(sorted(unknown)), ", ".join(headers)
        raise NoMapping("missing", columns=missing, there=there)
    usual = {column: role for column, role in preset.columns.items() if role not in named.values()}
    roles = [named.get(column) or usual.get(column) for column in low]
    for role in ONCE:
        if roles.count(role) > 1:
            twice = ", ".join(header for header, each in zip(headers, roles, strict=True) if each is role)
            raise NoMapping("twice", columns=twice)
    if Role.EMAIL not in roles:
        raise NoMapping("no_email" if headers else "empty", there=", ".join(headers))
    return Columns(preset, tuple(headers), tuple(roles))


def recognise(headers: Sequence[str]) -> Preset:
    """Return the service these headers come from; our own form when none is told."""
    low = {header.strip().lower() for header in headers}
    for preset in (MAILCHIMP, BREVO, LISTMONK, SYMPA):
        mail = {column for column, role in preset.columns.items() if role is Role.EMAIL}
        if low & mail and low & preset.signature:
            return preset
    return OWN
