"""Consent events folded: may we write, and by which of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.subscribers.consent.models import ConsentKind
from mailer.subscribers.eligibility import ENDING, Why, fold, standing
from mailer.subscribers.models import SubscriptionState, SuppressionReason
from tests.support.make import EPOCH

R, C, I, W = ConsentKind.REQUESTED, ConsentKind.CONFIRMED, ConsentKind.IMPORTED, ConsentKind.WITHDRAWN  # noqa: E741
FILES = st.lists(st.sampled_from(ConsentKind), max_size=8)


@dataclass(frozen=True)
class ProviderReplies:
    """What the rules read of an event."""

    kind: ConsentKind
    at: datetime
    away: bool = False


def file(kinds: Sequence[ConsentKind]) -> list[ProviderReplies]:
    """These events, one a day."""
    return [ProviderReplies(kind, EPOCH + timedelta(days=day)) for day, kind in enumerate(kinds)]


@pytest.mark.parametrize(
    ("kinds", "why", "decides"),
    [
        ([I], Why.IMPORTED, 0),
        ([I, R], Why.IMPORTED, 0),
        ([I, R, C], Why.CONFIRMED, 2),
        ([R, I], Why.IMPORTED, 1),
        ([R, C, R], Why.CONFIRMED, 1),
        ([R, C, R, C], Why.CONFIRMED, 3),
        ([I, R, W], Why.ENDED, 2),
        ([I, R, W, C], Why.ENDED, 2),
        ([I, R, W, R], Why.UNCONFIRMED, 3),
        ([C], Why.NEVER_ASKED, None),
    ],
)
def test_which_event_decides(kinds: list[ConsentKind], why: Why, decides: int | None) -> None:
    found = standing(file(kinds), None)
    assert (found.why, found.may_write) == (why, why in {Why.IMPORTED, Why.CONFIRMED})
    assert found.since == (None if decides is None else EPOCH + timedelta(days=decides))


@given(FILES, FILES)
def test_a_request_beside_a_consent_takes_nothing_away(
    before: list[ConsentKind], after: list[ConsentKind]
) -> None:
    if fold(before) is SubscriptionState.ACTIVE:
        assert fold([*before, R, *after]) is fold([*before, *after])


@given(FILES)
def test_nobody_is_written_to_but_by_a_yes_that_no_later_no_ended(kinds: list[ConsentKind]) -> None:
    found = standing(file(kinds), None)
    assert found.state is fold(kinds)
    assert found.may_write is (found.state is SubscriptionState.ACTIVE)
    if found.may_write:
        assert found.since
        place = (found.since - EPOCH).days
        assert kinds[place] is (I if found.why is Why.IMPORTED else C)
        assert not ENDING & set(kinds[place:])
        assert C not in kinds[place + 1 :]


@given(FILES, st.sampled_from(SuppressionReason))
def test_nothing_outweighs_a_suppression(kinds: list[ConsentKind], reason: SuppressionReason) -> None:
    assert standing(file(kinds), reason).why is Why.SUPPRESSED
