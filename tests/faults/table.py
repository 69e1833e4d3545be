"""What `make faults` shows: a line a case while it runs, a table at the end.  A pytest plugin; all cases run.

fault | what happened | accepted refused withheld unknown | seconds | told | verdict
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

COUNTED = ("accepted", "refused", "withheld", "unknown")


@dataclass
class Case:
    """One test, as the table shows it."""

    room: str  # "relay faults"
    fault: str  # "cut before the body [mail, drop]"
    happened: str = ""
    seconds: float = 0.0  # from when the issue was scheduled to when the ledger was looked at
    told: str = ""  # the alarms that were raised
    counts: dict[str, Any] = field(default_factory=dict)
    verdict: str = ""


class Table:
    """The cases, in the order they ran."""

    def __init__(self) -> None:
        self.cases: dict[str, Case] = {}
        self.total = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.total = len(session.items)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No dots: each case has a line of its own."""
        return (report.outcome, "", "") if report.when == "call" else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.failed:
            case = self.cases.setdefault(report.nodeid, _case(report.nodeid))
            case.verdict = "kept" if report.passed else "BROKEN"
            for name, value in report.user_properties:
                if name == "fault" and isinstance(value, dict):
                    case.counts = value["states"]
                    case.happened, case.seconds = value["happened"], value["seconds"]
                    case.told = ", ".join(value["told"]) or "–"

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        if case := self.cases.get(nodeid):
            self.write(f"[{len(self.cases):3d}/{self.total}]  {case.verdict:6}  {case.room}: {case.fault}")

    def write(self, line: str) -> None:
        raise NotImplementedError


class Shown(Table):
    """The same, on the terminal."""

    def __init__(self, config: pytest.Config) -> None:
        super().__init__()
        self._plugins = config.pluginmanager

    def write(self, line: str) -> None:
        if terminal := self._plugins.get_plugin("terminalreporter"):
            terminal.write_line(line)

    def pytest_terminal_summary(self) -> None:
        for line in lines([case for case in self.cases.values() if case.counts]):
            self.write(line)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Shown(config), "faults table")


def lines(cases: list[Case]) -> Iterator[str]:
    """The table, in columns as wide as they need be."""
    fault, happened, told = (
        max((len(getattr(case, column)) for case in cases), default=0)
        for column in ("fault", "happened", "told")
    )
    head = " ".join(f"{name:>9}" for name in (*COUNTED, "seconds"))
    room = ""
    yield f"{'fault':{fault + 2}}  {'what happened':{happened}}  {head}  {'told':{told}}  verdict"
    for case in cases:
        if case.room != room:
            room = case.room
            yield room
        counts = " ".join(f"{case.counts.get(name, 0):9d}" for name in COUNTED)
        yield (
            f"  {case.fault:{fault}}  {case.happened:{happened}}  {counts} {case.seconds:9.1f}"
            f"  {case.told:{told}}  {case.verdict}"
        )


def _case(nodeid: str) -> Case:
    """tests/faults/test_kills.py::test_killed[claim.inside] in words."""
    file, _, function = nodeid.partition("::")
    name, _, parameters = function.removeprefix("test_").partition("[")
    room = file.rpartition("/")[2].removeprefix("test_").removesuffix(".py")
    named = f" [{parameters.rstrip(']')}]" if parameters else ""
    return Case(room.replace("_", " "), name.replace("_", " ") + named)
