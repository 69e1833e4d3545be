"""The crash loop of `make soak`, for a moment."""

import json

from tests.faults.soak import WEIGHTS, Soak
from tests.faults.stage import CONNECTIONS, Stage


def test_a_short_crash_loop(stage: Stage) -> None:
    tally = Soak(stage, seed=7).run(kills=15, minutes=0)
    assert tally.broken == []
    said = json.loads(tally.line())
    assert (said["crashes"], said["lost"], said["duplicated"]) == (15, 0, 0)
    assert said["max_unknown_per_crash"] <= CONNECTIONS
    assert sum(said["by_phase"].values()) == 15


def test_it_falls_often_enough_where_it_hurts() -> None:
    """Of 500 kills at least 150 between the first body byte and the reply, and 50 inside claim or record."""
    total = sum(WEIGHTS.values())
    begun = sum(WEIGHTS[name] for name in ("begin.after", "body.middle", "body.dot", "reply.before"))
    inside = sum(WEIGHTS[name] for name in ("claim.inside", "record.inside"))
    assert begun / total > 0.4
    assert inside / total > 0.12
