"""The stage of the fault tests, built once, clean before each."""

from collections.abc import Iterator
from typing import Any, Protocol
from uuid import UUID

import pytest

from tests.faults import oracle
from tests.faults.stage import Stage, opened

TABLE = "tests.faults.table"  # the plugin of `make faults`


class Judge(Protocol):
    def __call__(self, issue_id: UUID, happened: str = "", **known: Any) -> dict[str, int]: ...


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long is for `make faults`."""
    if not config.pluginmanager.has_plugin(TABLE):
        long = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


@pytest.fixture(scope="session")
def built() -> Iterator[Stage]:
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
        request.node.user_properties.append(("fault", {"happened": happened, **states}))
        assert faults == []
        return states

    return judged
