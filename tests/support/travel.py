"""Another hour of the day, for every clock of this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
import time_machine

from mailer.core import clock


@contextmanager
def travelling(to: datetime, *, tick: bool = True) -> Iterator[Any]:
    """Be at that instant: the process goes by its host's clock meanwhile, and that is moved."""
    with time_machine.travel(to, tick=tick) as traveller, pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "_offset", None)
        patch.setattr(clock, "is_due", lambda: False)
        yield traveller
