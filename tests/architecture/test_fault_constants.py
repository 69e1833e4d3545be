"""What the fault tests change of the product is there to be changed: a rename must not leave them without."""

import importlib
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CONSTANT = re.compile(r'"(mailer\.[\w.]+):(\w+)"')
NAMED = sorted({found for file in TESTS.rglob("*.py") for found in CONSTANT.findall(file.read_text("utf-8"))})


@pytest.mark.parametrize(("module", "constant"), NAMED)
def test_it_is_there(module: str, constant: str) -> None:
    assert hasattr(importlib.import_module(module), constant)


def test_some_are_named() -> None:
    assert len(NAMED) > 10
