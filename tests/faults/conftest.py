"""The stage of the fault tests, built once, clean before each."""

from collections.abc import Iterator
from typing import Any, Protocol
from uuid import UUID

import pytest

from mailer.core.settings import Settings
from tests.faults import oracle
from tests.faults.stage import Stage, opened


class Judge(Protocol):
    def __call__(self, issue_id: UUID, happened: str = "", **known: Any) -> dict[str, int]: ...


@pytest.fixture(scope="session")
def built(settings: Settings) -> Iterator[Stage]:
    """Built after the process's settings: what a test decides for a person goes where its workers look."""
    with opened() as stage:
        yield stage


@pytest.fixture
def stage(built: Stage) -> Stage:
    built.reset()
    return built


@pytest.fixture
def judge(stage: Stage, request: pytest.FixtureRequest) -> Judge:
    """Asks the oracle, and keeps what happened for the table of `make faults`."""

    def judged(issue_id: UUID, happened: str = "", **known: Any) -> dict[str, int]:
        states = dict(stage.states(issue_id))
        with stage.transaction() as db:
            faults = oracle.broken(db, stage.relay.arrivals(), issue_id, **known)
        seen = {"states": states, "seconds": stage.elapsed, "told": sorted(stage.alarms())}
        request.node.user_properties.append(("fault", {"happened": happened, **seen}))
        assert faults == []
        return states

    return judged
