"""Consent events folded into "may we write to them?".  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from mailer.people.models import ConsentKind, SubscriptionState, SuppressionReason

_AFTER: dict[ConsentKind, SubscriptionState | None] = {
    ConsentKind.REQUESTED: SubscriptionState.PENDING,
    ConsentKind.CONFIRMED: SubscriptionState.ACTIVE,
    ConsentKind.IMPORTED: SubscriptionState.ACTIVE,
    ConsentKind.RECTIFIED: None,  # changes who is written to, not whether
    ConsentKind.WITHDRAWN: SubscriptionState.ENDED,
    ConsentKind.EXPIRED: SubscriptionState.ENDED,
    ConsentKind.ERASED: SubscriptionState.ENDED,
}
ENDING = frozenset(kind for kind, after in _AFTER.items() if after is SubscriptionState.ENDED)
IMPORT_UNDONE = "import-undone"  # the channel of a withdrawal that is staff's, and no no of the person's
UNCONFIRMED = "unconfirmed"  # the channel of the end of a sign-up that nobody confirmed: no no either
NOT_A_NO = frozenset({IMPORT_UNDONE, UNCONFIRMED})


class Why(StrEnum):
    """The reason of a standing."""

    CONFIRMED = "confirmed"
    IMPORTED = "imported"
    UNCONFIRMED = "unconfirmed"
    ENDED = "ended"
    SUPPRESSED = "suppressed"
    MOVED = "moved"  # to another address, under which it goes on
    NEVER_ASKED = "never_asked"


class Event(Protocol):
    """What the rules read of a consent event."""

    @property
    def kind(self) -> ConsentKind: ...
    @property
    def at(self) -> datetime: ...
    @property
    def away(self) -> bool:
        """Whether it says that the person's letters go to another address from then on."""


@dataclass(frozen=True)
class Standing:
    """May we write to one person for one newsletter, and why."""

    state: SubscriptionState | None
    may_write: bool
    why: Why
    since: datetime | None  # the time of the event that decides


def fold(kinds: Iterable[ConsentKind]) -> SubscriptionState | None:
    """Where one person stands with one newsletter after these events, oldest first; None before any.

    A confirmation counts only of something requested: CONFIRMED out of the blue allows nothing.
    """
    state: SubscriptionState | None = None
    for kind in kinds:
        state = _next(state, kind)
    return state


def standing(events: Iterable[Event], suppressed: SuppressionReason | None) -> Standing:
    """Fold one person's events for one newsletter, oldest first, under what forbids every letter.

    Those under an earlier address of theirs come first, up to the change.
    """
    state: SubscriptionState | None = None
    decisive: Event | None = None
    moved: Event | None = None
    for event in events:
        moved = event if event.away else None
        after = _next(state, event.kind)
        if after is not state:
            state, decisive = after, event
    since = decisive.at if decisive else None
    if suppressed:
        return Standing(state, False, Why.SUPPRESSED, since)
    if moved:
        return Standing(SubscriptionState.ENDED, False, Why.MOVED, moved.at)
    return Standing(state, state is SubscriptionState.ACTIVE, _why(state, decisive), since)


def _next(state: SubscriptionState | None, kind: ConsentKind) -> SubscriptionState | None:
    if kind is ConsentKind.CONFIRMED and state is not SubscriptionState.PENDING:
        return state
    return _AFTER[kind] or state


def _why(state: SubscriptionState | None, decisive: Event | None) -> Why:
    if state is SubscriptionState.ACTIVE and decisive:
        return Why.IMPORTED if decisive.kind is ConsentKind.IMPORTED else Why.CONFIRMED
    return {None: Why.NEVER_ASKED, SubscriptionState.PENDING: Why.UNCONFIRMED}.get(state, Why.ENDED)
