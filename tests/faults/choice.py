"""Which cases every run tries; `make faults` tries all of them."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet


def every(values: Iterable[Any], *, often: Collection[Any]) -> list[ParameterSet]:
    """All these values (tuples: several parameters), those not named as `often` marked long."""
    return [_case(value, () if value in often else (pytest.mark.long,)) for value in values]


def _case(value: Any, marks: Any) -> ParameterSet:
    return pytest.param(*value, marks=marks) if isinstance(value, tuple) else pytest.param(value, marks=marks)
