"""Consent events folded into "may we write to them?".  Pure."""

from collections.abc import Iterable

from mailer.people.models import ConsentKind, SubscriptionState

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


def fold(kinds: Iterable[ConsentKind]) -> SubscriptionState | None:
    """Where one person stands with one newsletter after these events, oldest first; None before any.

    A confirmation counts only of something requested: CONFIRMED out of the blue allows nothing.
    """
    state: SubscriptionState | None = None
    for kind in kinds:
        if kind is ConsentKind.CONFIRMED and state is not SubscriptionState.PENDING:
            continue
        state = _AFTER[kind] or state
    return state
