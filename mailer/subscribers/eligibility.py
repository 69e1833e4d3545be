"""Fold consent events into "may we write to them?".  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from mailer.subscribers.consent.models import ConsentKind
from mailer.subscribers.models import SubscriptionState, SuppressionReason

_AFTER: dict[ConsentKind, SubscriptionState | None] = {
    ConsentKind.REQUESTED: SubscriptionState.PENDING,
    ConsentKind.CONFIRMED: SubscriptionState.ACTIVE,
    ConsentKind.IMPORTED: SubscriptionState.ACTIVE,
    ConsentKind.RECTIFIED: None,  # changes who is written to, not whether
    ConsentKind.WITHDRAWN: SubscriptionState.ENDED,
    ConsentKind.EXPIRED: SubscriptionState.ENDED,
    ConsentKind.ERASED: SubscriptionState.ENDED,
}
_ANSWERS = frozenset(ConsentKind) - {ConsentKind.REQUESTED, ConsentKind.IMPORTED, ConsentKind.RECTIFIED}
ENDING = frozenset(kind for kind, after in _AFTER.items() if after is SubscriptionState.ENDED)
IMPORT_UNDONE = "import-undone"  # the channel of a withdrawal by staff, not by the person
CHANGE_UNDONE = "address-undone"  # the channel of a change back: the address left was never theirs
UNCONFIRMED = "unconfirmed"  # the channel of the end of a sign-up that nobody confirmed
NOT_A_NO = frozenset({IMPORT_UNDONE, UNCONFIRMED})


class Withheld(StrEnum):
    """Name why somebody is not written to.  All but the last concern the person (recipients.py)."""

    ERASED = "erased"
    WITHDRAWN = "withdrawn"  # or never confirmed
    UNPROVEN = "unproven"  # subscribed, and no consent of theirs in force proves it: a person has to look
    SUPPRESSED = "suppressed"
    PAUSED = "paused"  # by their own wish, until a date
    RESTRICTED = "restricted"  # RGPD 18
    UNINFORMED = "uninformed"  # imported, and not yet told who has their address (RGPD 14)
    CANCELLED = "cancelled"  # the issue was


PASSING = frozenset(
    {Withheld.PAUSED, Withheld.UNINFORMED}
)  # they end by themselves, at a date or with a notice


class Why(StrEnum):
    """Name the reason of a standing."""

    CONFIRMED = "confirmed"
    IMPORTED = "imported"
    UNCONFIRMED = "unconfirmed"
    ENDED = "ended"
    SUPPRESSED = "suppressed"
    MOVED = "moved"  # to another address, under which it goes on
    NEVER_ASKED = "never_asked"


class KindOfEvent(Protocol):
    """Say what `last_word` reads of a consent event."""

    @property
    def kind(self) -> ConsentKind: ...


Said = TypeVar("Said", bound=KindOfEvent)


class StandingEvent(KindOfEvent, Protocol):
    """Say what `standing` reads of a consent event."""

    @property
    def at(self) -> datetime: ...
    @property
    def away(self) -> bool:
        """Return whether it says that the person's letters go to another address from then on."""


class RequestEvent(Protocol):
    """Say what `asked_last` reads of a consent event."""

    @property
    def kind(self) -> ConsentKind: ...
    @property
    def at(self) -> datetime: ...
    @property
    def channel(self) -> str: ...
    @property
    def consented_at(self) -> datetime | None:
        """Return when what an import took over was said."""


@dataclass(frozen=True)
class Standing:
    """Say whether we may write to one person for one newsletter, and why."""

    state: SubscriptionState | None
    may_write: bool
    why: Why
    since: datetime | None  # the time of the event that decides


def fold(kinds: Iterable[ConsentKind]) -> SubscriptionState | None:
    """Return where one person stands with one newsletter after these events, oldest first; None before any.

    A confirmation counts only of something requested: CONFIRMED without a request allows nothing.  A request
    beside a consent that is in force takes nothing away: whoever receives a letter goes on receiving it.
    """
    state: SubscriptionState | None = None
    for kind in kinds:
        state = _next(state, kind)
    return state


def standing(events: Iterable[StandingEvent], suppressed: SuppressionReason | None) -> Standing:
    """Fold one person's events for one newsletter, oldest first; a suppression forbids every issue.

    Events under an earlier address of theirs come first, up to the change.  A confirmation of a subscription
    that is active already decides from then on: it is their own consent.
    """
    known = list(events)
    state, decisive = last_word(known)
    moved = known[-1] if known and known[-1].away else None
    since = decisive.at if decisive else None
    if suppressed:
        return Standing(state, False, Why.SUPPRESSED, since)
    if moved:
        return Standing(SubscriptionState.ENDED, False, Why.MOVED, moved.at)
    return Standing(state, state is SubscriptionState.ACTIVE, _why(state, decisive), since)


def last_word(events: Iterable[Said]) -> tuple[SubscriptionState | None, Said | None]:
    """Return where one person stands with one newsletter after these events, oldest first, and which of them
    decides it.
    """
    state: SubscriptionState | None = None
    decisive: Said | None = None
    for event in events:
        after = _next(state, event.kind)
        renewed = after is SubscriptionState.ACTIVE and event.kind is ConsentKind.CONFIRMED
        if after is not state or renewed:
            state, decisive = after, event
    return state, decisive


def asked_last(events: Iterable[RequestEvent]) -> bool:
    """Return whether the person's latest act, of events oldest first, is a request not answered yet.

    The undoing of an import is no act of theirs, and a withdrawal that was made elsewhere before they asked
    is an older act.
    """
    asked: RequestEvent | None = None
    for event in events:
        older = asked and event.consented_at and event.consented_at < asked.at
        if event.kind is ConsentKind.REQUESTED:
            asked = event
        elif event.kind in _ANSWERS and event.channel != IMPORT_UNDONE and not older:
            asked = None
    return asked is not None


def receives(withheld: Withheld | None) -> bool:
    """Return whether issues go to them: now, or once their pause is over or they have been informed."""
    return withheld is None or withheld in PASSING


def own_word(consent: ConsentKind | None) -> bool:
    """Return whether a consent in force was given here; an imported one is worth asking for again."""
    return consent is not ConsentKind.IMPORTED


def _next(state: SubscriptionState | None, kind: ConsentKind) -> SubscriptionState | None:
    if kind is ConsentKind.CONFIRMED and state is not SubscriptionState.PENDING:
        return state
    if kind is ConsentKind.REQUESTED and state is SubscriptionState.ACTIVE:
        return state
    return _AFTER[kind] or state


def _why(state: SubscriptionState | None, decisive: StandingEvent | None) -> Why:
    if state is SubscriptionState.ACTIVE and decisive:
        return Why.IMPORTED if decisive.kind is ConsentKind.IMPORTED else Why.CONFIRMED
    return {None: Why.NEVER_ASKED, SubscriptionState.PENDING: Why.UNCONFIRMED}.get(state, Why.ENDED)
