"""A row of a file taken for what it says: somebody agreed, somebody left, or it cannot be used.  Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from mailer.core import address
from mailer.core.address import InvalidAddress, SeveralAddresses, normalise, pasted
from mailer.core.export_file import unguarded
from mailer.core.i18n import LOCALES
from mailer.imports.columns import AWAITS, LEAVES, OWN, Columns, Role
from mailer.imports.dates import DateOrder, instant
from mailer.imports.file_format import is_readable
from mailer.imports.names import tidy_name
from mailer.subscribers.models import SuppressionReason

MAX_NAME, MAX_SOURCE = 200, 500  # characters
_LOWERED = {"", "0", "false", "faux", "no", "non", "n", "[]"}  # a flag that is not raised
_RAISED = {"1", "true", "vrai", "yes", "oui", "o", "y", "x", "ok"}
_REMEMBERED = 20_000


class Act(StrEnum):
    """Say what a row tells of its person."""

    JOIN = "join"
    LEAVE = "leave"
    SUPPRESS = "suppress"


class Refused(StrEnum):
    """Say why nobody is subscribed by a row."""

    CELLS = "cells"
    ENCODING = "encoding"
    ADDRESS = "address"
    SEVERAL = "several"
    LOCALE = "locale"
    SOURCE = "source"
    NO_DATE = "no_date"
    BAD_DATE = "bad_date"
    FUTURE = "future"
    AWAITS = "awaits"
    SUPPRESSED = "suppressed"
    WITHDRAWN = "withdrawn"
    LEFT = "left"
    BARRED = "barred"
    OUTDATED = "outdated"


class Person(NamedTuple):
    """Hold a row that can be used."""

    line: int
    act: Act
    email: str
    mark: bytes
    name: str | None
    locale: str
    said_at: datetime | None  # when the yes or the no was said; None: not known
    source: str
    reason: SuppressionReason | None = None


def person(
    email: str, *, name: str | None, locale: str, source: str, said_at: datetime, key: bytes
) -> Person:
    """Somebody who agreed elsewhere, known by more than a row.  Raises InvalidAddress."""
    known_as = normalise(email)
    return Person(0, Act.JOIN, known_as, address.fingerprint(known_as, key), name, locale, said_at, source)


@dataclass(frozen=True)
class Terms:
    """Say what is known of the whole file, and completes its rows."""

    source: str
    locale: str
    zone: ZoneInfo  # of dates that name none
    consented_at: datetime | None
    legal_text: str | None  # for a public task, in place of a date
    now: datetime


class _NotUsable(Exception):
    """Carry a Refused."""

    def __init__(self, reason: Refused) -> None:
        self.reason = reason


class Rows:
    """Read the rows of one file."""

    def __init__(self, columns: Columns, terms: Terms, key: bytes) -> None:
        self._columns, self._terms, self._mark = columns, terms, address.fingerprinter(key)
        self._width = len(columns.headers)
        self._zone: tzinfo = UTC if columns.preset.utc else terms.zone
        self._email = columns.at(Role.EMAIL) or 0
        get = self._get = {role: self._getter(role) for role in Role}
        self._agreed_in, self._asked_in = get[Role.CONSENTED_AT], get[Role.ASKED_AT]
        self._source_in, self._locale_in = get[Role.SOURCE], get[Role.LOCALE]
        self._name_in, self._names_in = get[Role.NAME], (get[Role.FIRST_NAME], get[Role.LAST_NAME])
        remembered = lru_cache(_REMEMBERED)  # a file repeats its dates, languages and sources
        self._said_at, self._locale = remembered(self._said), remembered(self._spoken)
        self._source, self._instant = remembered(self._sourced), remembered(self._dated)
        self._may_leave = any(columns.all(role) for role in
                              (Role.STATUS, Role.OPTED_OUT, Role.OPTED_OUT_AT, Role.BOUNCED_AT))  # fmt: skip

    def read(self, line: int, cells: Sequence[str]) -> Person | Refused:
        """Return what this row says."""
        try:
            if len(cells) != self._width:
                cells = self._fitted(cells)
            if not is_readable(cells):
                raise _NotUsable(Refused.ENCODING)
            return self._person(line, cells)
        except _NotUsable as refusal:
            return refusal.reason

    def _person(self, line: int, cells: Sequence[str]) -> Person:
        try:
            beside, email = pasted(unguarded(cells[self._email]))
        except SeveralAddresses:
            raise _NotUsable(Refused.SEVERAL) from None
        except InvalidAddress:
            raise _NotUsable(Refused.ADDRESS) from None
        mark, source = self._mark(email), self._source(self._source_in(cells))
        if self._may_leave and (no := self._no(cells)):
            return Person(line, no[0], email, mark, None, "", no[1], source, no[2])
        said_at = self._said_at(self._agreed_in(cells) or self._asked_in(cells))
        locale = self._locale(self._locale_in(cells))
        return Person(line, Act.JOIN, email, mark, self._name(cells, beside), locale, said_at, source)

    def _fitted(self, cells: Sequence[str]) -> Sequence[str]:
        if any(cell.strip() for cell in cells[self._width :]):
            raise _NotUsable(Refused.CELLS)
        return [*cells, *[""] * self._width][: self._width]

    def _getter(self, role: Role) -> Callable[[Sequence[str]], str]:
        place = self._columns.at(role)
        if place is None:
            return lambda _: ""
        return lambda cells: cells[place].strip()

    def _no(self, cells: Sequence[str]) -> tuple[Act, datetime | None, SuppressionReason | None] | None:
        """Return the no a row holds, if it does, with its date."""
        preset = self._columns.preset
        if self._get[Role.BOUNCED_AT](cells):
            return Act.SUPPRESS, self._no_date(cells, Role.BOUNCED_AT), SuppressionReason.HARD_BOUNCE
        meaning = preset.states.get(self._get[Role.STATUS](cells).lower())
        if meaning is None and any(_raised(cells[place]) for place in self._columns.all(Role.OPTED_OUT)):
            meaning = preset.flagged
        if meaning is None and self._get[Role.OPTED_OUT_AT](cells):
            meaning = LEAVES
        if meaning == AWAITS:
            raise _NotUsable(Refused.AWAITS)
        if meaning is None:
            return None
        at = self._no_date(cells, Role.OPTED_OUT_AT, Role.CHANGED_AT)
        return (Act.LEAVE, at, None) if meaning == LEAVES else (Act.SUPPRESS, at, SuppressionReason(meaning))

    def _no_date(self, cells: Sequence[str], *roles: Role) -> datetime | None:
        """Read the date of a no; an unreadable one does not make it a yes."""
        for role in roles:
            at = self._instant(role, self._get[role](cells))
            if at and at <= self._terms.now:
                return at
        return None

    def _name(self, cells: Sequence[str], beside: str) -> str | None:
        """Return their name; `beside` is the one that stood with the address.  It never costs the row."""
        whole = self._name_in(cells) or " ".join(part(cells) for part in self._names_in).strip() or beside
        return tidy_name(unguarded(whole), MAX_NAME)

    def _dated(self, role: Role, text: str) -> datetime | None:
        return instant(text, self._zone, self._columns.orders.get(role, DateOrder.DAY_FIRST))

    def _spoken(self, text: str) -> str:
        locale = text[:2].lower()
        if locale in LOCALES:
            return locale
        if locale and self._columns.preset is OWN:
            raise _NotUsable(Refused.LOCALE)
        return self._terms.locale

    def _sourced(self, text: str) -> str:
        source = " ".join(unguarded(text).split()) or self._terms.source
        if not source or len(source) > MAX_SOURCE or not source.isprintable():
            raise _NotUsable(Refused.SOURCE)
        return source

    def _said(self, text: str) -> datetime | None:
        if text.lower() in _LOWERED - {""}:
            raise _NotUsable(Refused.AWAITS)
        dated = bool(text) and text.lower() not in _RAISED
        at = self._instant(Role.CONSENTED_AT, text) if dated else self._terms.consented_at
        if at is None:
            if dated:
                raise _NotUsable(Refused.BAD_DATE)
            if not self._terms.legal_text:
                raise _NotUsable(Refused.NO_DATE)
        elif at > self._terms.now:
            raise _NotUsable(Refused.FUTURE)
        return at


def _raised(cell: str) -> bool:
    said = cell.strip().lower()
    return "email" in said if "marketing" in said else said not in _LOWERED
