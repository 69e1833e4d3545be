"""What a rate allows is shared by the issues that leave, however little it is."""

from collections import Counter
from uuid import UUID

import pytest

from mailer.delivery.shaping.budget import SendingBudget
from mailer.smtp.rate import RateLimiter

NO_REDIS = "redis://127.0.0.1:1/0"


@pytest.mark.parametrize("rate", [1.0, 3.0, 4.0, 10.0])
@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_no_issue_waits_for_another_however_slow_the_rate(rate: float, count: int) -> None:
    """A claim that the rate allows nothing ends nobody's turn: every other one is such a claim."""
    now, claimed = [0.0], Counter[UUID]()
    budget = SendingBudget({}, RateLimiter(NO_REDIS, rate, {}, 1, clock=lambda: now[0]), senders=1)
    issues = [UUID(int=number) for number in range(count)]
    for _ in range(count * 40):
        for each in budget.budgets(issues, 500):
            claimed[each.issue_id] += each.budget
        now[0] += budget.wait() if budget.exhausted else 0.0
    assert set(claimed) == set(issues)
    assert max(claimed.values()) - min(claimed.values()) <= 1
