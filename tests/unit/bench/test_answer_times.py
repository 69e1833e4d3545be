"""The measure of what an answer's time tells."""

import pytest

from bench.answer_times import auc


@pytest.mark.parametrize(
    ("these", "those", "told"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], 0.5),
        ([4.0, 5.0], [1.0, 2.0, 3.0], 1.0),
        ([1.0], [2.0, 3.0], 0.0),
        ([2.0, 2.0], [2.0, 2.0, 2.0], 0.5),
        ([1.0, 3.0], [2.0], 0.5),
    ],
)
def test_the_area_is_a_half_when_nothing_is_told(these: list[float], those: list[float], told: float) -> None:
    assert auc(these, those) == pytest.approx(told)
