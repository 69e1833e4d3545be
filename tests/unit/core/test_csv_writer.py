import csv
import io

import pytest

from mailer.core import csv_writer


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+33 1 23", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x",
     "=cmd|'/ccalc'!a0@evil.fr"],
)  # fmt: skip
def test_nothing_runs_and_all_reads_back(cell: str) -> None:
    file = io.StringIO(newline="")
    csv_writer.begun(file, ("a", "=b"))((cell, "plain"))
    file.seek(0)
    columns, row = csv.reader(file)
    assert columns == ["a", "'=b"]
    assert row == [f"'{cell}", "plain"]
    assert csv_writer.unguarded(row[0]) == cell


@pytest.mark.parametrize("cell", ["", "a=b", "'quoted", "'", "x@example.org", " =1"])
def test_what_runs_nothing_is_left_alone(cell: str) -> None:
    assert csv_writer.guarded(cell) == csv_writer.unguarded(cell) == cell


def test_numbers_stay_numbers() -> None:
    file = io.StringIO(newline="")
    csv_writer.begun(file, ("n", "m"))((-3, None))
    assert file.getvalue() == "n,m\r\n-3,\r\n"
