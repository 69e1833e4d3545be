"""Which column says what: the exports of other services, recognised by their headers.  Pure.

Headers are compared without case, accents, punctuation or line breaks (`folded`).

Formats read: Brevo (export of contacts, also by API), Mailchimp (the audience's three files), Sympa (`sympa
dump`, and the member lists of its web pages), listmonk (export of subscribers).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from mailer.core.address import without_invisible
from mailer.core.i18n import Explained
from mailer.imports import dates
from mailer.imports.dates import DateOrder
from mailer.subscribers.models import SuppressionReason


class Role(StrEnum):
    """Say what a column may hold."""

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


# Names that may mean something else (a postal address, a flag): taken where no other column is clearer.
WEAK = {
    "adresse": Role.EMAIL, "address": Role.EMAIL, "contact": Role.EMAIL, "consent": Role.CONSENTED_AT,
    "consentement": Role.CONSENTED_AT, "optin": Role.CONSENTED_AT, "opt in": Role.CONSENTED_AT,
    "inscription": Role.CONSENTED_AT, "date": Role.CONSENTED_AT, "timestamp": Role.CONSENTED_AT,
    "horodatage": Role.CONSENTED_AT, "horodateur": Role.CONSENTED_AT,
}  # fmt: skip
ONCE = frozenset(Role) - {Role.OPTED_OUT}
LEAVES = "leaves"  # what a status may mean, beside a SuppressionReason: left this newsletter…
AWAITS = "awaits"  # …or never confirmed


@dataclass(frozen=True)
class Preset:
    """Hold an export that is known: its columns, in lower case, and how it writes dates and states."""

    name: str
    columns: Mapping[str, Role]
    signature: frozenset[str] = frozenset()  # any of these headers tells it, beside its email column
    utc: bool = False  # its dates are in UTC; else in MAILER_TIME_ZONE
    states: Mapping[str, str] = field(default_factory=dict)
    flagged: str = LEAVES  # what a raised OPTED_OUT means


_PLACE = re.compile(r"#(\d{1,4})")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


def folded(text: str) -> str:
    """Fold a header to what it is compared by: lower case, no accents, blanks for punctuation and breaks."""
    plain = unicodedata.normalize("NFKD", without_invisible(text)).casefold()
    bare = "".join(each for each in plain if not unicodedata.combining(each))
    return " ".join(re.sub(r"[^\w]|_", " ", bare).split())


def _called(header: str, known: Mapping[str, Role]) -> str:
    """Return a header as it is compared; without what it adds in brackets, where that is what is known."""
    whole, bare = folded(header), folded(_BRACKETS.sub(" ", header))
    return bare if whole not in known and bare in known else whole


def _folded(columns: Mapping[str, Role]) -> dict[str, Role]:
    return {folded(name): role for name, role in columns.items()}


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
        **dict.fromkeys(
            ("email", "e mail", "mail", "mel", "courriel", "courrier électronique", "adresse email",
             "adresse e mail", "adresse mail", "adresse mel", "adresse courriel",
             "adresse électronique", "adresse de courriel", "adresse de messagerie", "email address",
             "e mail address", "mail address", "emailaddress", "emails", "mails", "courriels",
             "subscriber email", "primary email", "votre email", "votre adresse email"), Role.EMAIL),
        **dict.fromkeys(("name", "full name", "nom complet", "nom prénom", "nom et prénom", "prénom nom",
                         "prénom et nom", "gecos", "display name"), Role.NAME),
        **dict.fromkeys(("first name", "firstname", "fname", "given name", "prénom", "votre prénom"),
                        Role.FIRST_NAME),
        **dict.fromkeys(("last name", "lastname", "lname", "surname", "family name", "nom", "nom de famille",
                         "nom d'usage", "votre nom"), Role.LAST_NAME),
        **dict.fromkeys(("locale", "langue", "language", "lang"), Role.LOCALE),
        **dict.fromkeys(
            ("consented at", "consent date", "date of consent", "date de consentement",
             "date du consentement", "date d'inscription", "date inscription", "inscrit le",
             "date d'abonnement", "abonné le", "date d'accord", "optin date", "opt in date", "optin time",
             "date optin", "date opt in", "date d'optin", "subscribed at", "subscription date",
             "subscribe date", "signup date", "sign up date", "date added", "added at", "joined at"),
            Role.CONSENTED_AT),
        **dict.fromkeys(("source", "origine", "provenance", "origin"), Role.SOURCE),
        **dict.fromkeys(("status", "statut", "state", "état"), Role.STATUS),
        **dict.fromkeys(("opted out at", "unsubscribed at", "unsubscribe date", "date de désinscription",
                         "désinscrit le", "date de désabonnement", "désabonné le"), Role.OPTED_OUT_AT),
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


class AmbiguousDates(NoMapping):
    """Tell that a column's dates can all be read two ways; a person says which."""


@dataclass(frozen=True)
class Columns:
    """Hold a file's columns, and what each is taken for; None: it is not kept."""

    preset: Preset
    headers: tuple[str, ...]
    roles: tuple[Role | None, ...]
    orders: Mapping[Role, DateOrder] = field(default_factory=dict)  # of the dates in figures; else day first

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

    `given` names columns outright: by their header, or by their place (`#1` is the first).  Raises NoMapping.
    """
    return checked(guess(headers, name, given))


def guess(
    headers: Sequence[str], name: str | None = None, given: Mapping[Role, str] | None = None
) -> Columns:
    """Do as `match`, but leave to a person what is missing or said twice.  Raises NoMapping for `given`."""
    preset = PRESETS[name] if name else recognise(headers)
    known = _folded(preset.columns)
    low = [_called(header, known) for header in headers]
    named = _named(headers, low, given or {})
    usual = {column: role for column, role in known.items() if role not in named.values()}
    roles = [named.get(place) or usual.get(column) for place, column in enumerate(low)]
    if preset is OWN:
        weak = {name: role for name, role in WEAK.items() if role not in roles}
        roles = [role or weak.pop(column, None) for role, column in zip(roles, low, strict=True)]
    return Columns(preset, tuple(headers), tuple(roles))


def checked(columns: Columns) -> Columns:
    """Return these columns, if they can be used.  Raises NoMapping."""
    headers, roles = columns.headers, columns.roles
    for role in ONCE:
        if roles.count(role) > 1:
            twice = ", ".join(header for header, each in zip(headers, roles, strict=True) if each is role)
            raise NoMapping("twice", columns=twice)
    if Role.EMAIL not in roles:
        raise NoMapping("no_email" if headers else "empty", there=", ".join(headers))
    return columns


def _named(headers: Sequence[str], low: Sequence[str], given: Mapping[Role, str]) -> dict[int, Role]:
    """Return the places of the columns that are named outright.  Raises NoMapping."""
    named, missing = dict[int, Role](), list[str]()
    for role, column in given.items():
        by_place = _PLACE.fullmatch(column)
        places = [int(by_place[1]) - 1] if by_place else _all(low, folded(column))
        if len(places) > 1:
            raise NoMapping("twice", columns=", ".join(headers[place] for place in places))
        if not places or not 0 <= places[0] < len(low):
            missing.append(column)
        else:
            named[places[0]] = role
    if missing:
        raise NoMapping("missing", columns=", ".join(missing), there=", ".join(headers))
    return named


def _all(low: Sequence[str], wanted: str) -> list[int]:
    return [place for place, column in enumerate(low) if column == wanted]


def recognise(headers: Sequence[str]) -> Preset:
    """Return the service these headers come from; our own form when none is told."""
    low = {folded(header) for header in headers}
    for preset in (MAILCHIMP, BREVO, LISTMONK, SYMPA):
        mail = {column for column, role in _folded(preset.columns).items() if role is Role.EMAIL}
        if low & mail and low & set(map(folded, preset.signature)):
            return preset
    return OWN


def names_addresses(headers: Sequence[str]) -> bool:
    """Return whether one of these is the name of a column of addresses."""
    columns = (pair for preset in PRESETS.values() for pair in _folded(preset.columns).items())
    mail = {name for name, role in columns if role is Role.EMAIL}
    return any(folded(header) in mail for header in headers)


DATED = (Role.CONSENTED_AT, Role.ASKED_AT, Role.OPTED_OUT_AT, Role.CHANGED_AT, Role.BOUNCED_AT)


def with_orders(columns: Columns, rows: Iterable[Sequence[str]], given: DateOrder | None = None) -> Columns:
    """Take each column of dates for day-first or month-first, by what its rows tell, or as `given`.

    Raises AmbiguousDates where nothing tells, and the day would be another.
    """
    places = {role: place for role in DATED if (place := columns.at(role)) is not None}
    if given or not places:
        return replace(columns, orders=dict.fromkeys(places, given) if given else {})
    orders, doubtful = _told(places, rows)
    for role, cell in doubtful.items():
        if role not in orders:
            raise AmbiguousDates("ambiguous", column=columns.headers[places[role]], date=cell)
    return replace(columns, orders=orders)


def _told(
    places: Mapping[Role, int], rows: Iterable[Sequence[str]]
) -> tuple[dict[Role, DateOrder], dict[Role, str]]:
    """Return the order of each column that tells one, and an ambiguous date of each that has one."""
    orders: dict[Role, DateOrder] = {}
    ambiguous: dict[Role, str] = {}
    for cells in rows:
        for role, place in places.items():
            if role in orders or place >= len(cells) or not cells[place]:
                continue
            if order := dates.order_of(cells[place]):
                orders[role] = order
            elif role not in ambiguous and dates.is_ambiguous(cells[place]):
                ambiguous[role] = cells[place]
        if len(orders) == len(places):
            break
    return orders, ambiguous
