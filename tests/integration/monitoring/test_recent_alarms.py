"""What pages show of alarms may be a few seconds old, and no more."""

from datetime import timedelta

import pytest

from mailer.core import circuit
from mailer.core.db import transaction, utcnow
from mailer.monitoring import alarms
from mailer.monitoring.alarms import Recent

pytestmark = pytest.mark.usefixtures("alive")


def test_pages_look_again_after_a_few_seconds(
    alarms_at_once: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarms, "KEPT_FOR", alarms_at_once)
    recent, now = Recent(), utcnow()
    with transaction() as db:
        before = recent.find(db, now=now)
        circuit.hit(db, circuit.JOURNAL, "cannot be written", now=now)
        just_before = now + alarms_at_once - timedelta(seconds=1)
        assert recent.find(db, now=just_before) == before
        after = recent.find(db, now=now + alarms_at_once)
        assert {each.kind for each in after} - {each.kind for each in before} == {circuit.JOURNAL}
        assert recent.find(db, now=now - timedelta(hours=1)) is not after  # a clock that was set back
