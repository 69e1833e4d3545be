"""Every file of rows that leaves: read back as it was written, and no cell of it is a formula."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from mailer.core import export_file
from mailer.core.export_file import (
    Cell,
    ExportFormat,
    Table,
    TooManyRows,
    format_of,
    guarded,
    unguarded,
)

PARIS = ZoneInfo("Europe/Paris")
MIDNIGHT, MORNING = datetime(2025, 12, 30, 23, tzinfo=UTC), datetime(2025, 12, 31, 9, 30, tzinfo=UTC)
ROW: list[Cell] = ["zoe@example.fr", 'Zoé; "Z"', 12, True, date(2025, 12, 31), MIDNIGHT, MORNING, None]
COLUMNS = ["email", "name", "number", "flag", "day", "agreed", "at", "nothing"]
FORMULAS = ["=1+1", "+33612345678", "-2", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "＝1+1", '"=1', "'=1+1",
            "x;=1+1", "x,=1", "x\n=1+1", "x\t@a"]  # fmt: skip


def _written(form: ExportFormat, columns: list[str], *rows: Sequence[Cell]) -> bytes:
    file = io.BytesIO()
    assert export_file.write(Table(columns, rows), file, form, PARIS) == len(rows)
    return file.getvalue()


def _sheet(body: bytes) -> Any:
    return load_workbook(io.BytesIO(body)).active


def test_commas_for_programs() -> None:
    body = _written(ExportFormat.CSV, COLUMNS, ROW).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(body)))[1] == [
        "zoe@example.fr", 'Zoé; "Z"', "12", "true", "2025-12-31", "2025-12-31", "2025-12-31T10:30:00+01:00",
        "",
    ]  # fmt: skip


def test_semicolons_and_a_byte_order_mark_for_french_spreadsheets() -> None:
    body = _written(ExportFormat.CSV_EXCEL, COLUMNS, ROW)
    assert body.startswith(b"\xef\xbb\xbfemail;name;")
    assert list(csv.reader(io.StringIO(body.decode("utf-8-sig")), delimiter=";"))[1][4:7] == [
        "2025-12-31", "2025-12-31", "2025-12-31 10:30:00",
    ]  # fmt: skip


def test_a_spreadsheet_has_dates_numbers_and_texts() -> None:
    [head, row] = _sheet(_written(ExportFormat.XLSX, COLUMNS, ROW)).iter_rows()
    assert [cell.value for cell in head] == COLUMNS
    assert [cell.value for cell in row[:7]] == [
        "zoe@example.fr", 'Zoé; "Z"', 12, True, datetime(2025, 12, 31), datetime(2025, 12, 31),
        datetime(2025, 12, 31, 10, 30),
    ]  # fmt: skip
    assert [cell.number_format for cell in row[4:7]] == ["yyyy-mm-dd", "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"]


def test_json_is_an_array_of_objects_also_of_none() -> None:
    [row] = json.loads(_written(ExportFormat.JSON, COLUMNS, ROW))
    assert row == dict(zip(COLUMNS, ["zoe@example.fr", 'Zoé; "Z"', 12, True, "2025-12-31", "2025-12-31",
                                     "2025-12-31T10:30:00+01:00", None], strict=True))  # fmt: skip
    assert json.loads(_written(ExportFormat.JSON, COLUMNS)) == []


@pytest.mark.parametrize("cell", FORMULAS)
@pytest.mark.parametrize("form", [ExportFormat.CSV, ExportFormat.CSV_EXCEL])
def test_no_cell_of_a_csv_is_a_formula_whatever_it_is_split_at(form: ExportFormat, cell: str) -> None:
    body = _written(form, ["name", "x"], [cell, cell]).decode("utf-8-sig")
    lines = body.splitlines(keepends=True)  # at a lone CR too, as spreadsheets do
    for delimiter in ",;\t":
        cells = [each for row in csv.reader(lines, delimiter=delimiter) for each in row]
        bare = [each.lstrip(' "\t\r\n') for each in cells]
        assert [each for each in bare if each.startswith(("=", "+", "-", "@", "＝"))] == []


@pytest.mark.parametrize("cell", FORMULAS)
def test_no_cell_of_a_spreadsheet_is_a_formula_even_once_it_is_edited(cell: str) -> None:
    found = _sheet(_written(ExportFormat.XLSX, ["name"], [cell]))["A2"]
    assert (found.data_type, found.quotePrefix) == ("s", True)


def test_json_keeps_texts_as_they_are() -> None:
    assert json.loads(_written(ExportFormat.JSON, ["name"], *[[cell] for cell in FORMULAS])) == [
        {"name": cell} for cell in FORMULAS
    ]


@given(st.text(st.sampled_from("=+-@'\"; ,\t\r\n＝ab")))
def test_what_is_guarded_reads_back(text: str) -> None:
    assert unguarded(guarded(text)) == text


def test_a_sheet_that_is_full_says_what_to_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_file, "SHEET_ROWS", 3)
    with pytest.raises(TooManyRows) as full:
        _written(ExportFormat.XLSX, ["n"], [1], [2], [3])
    assert (
        full.value.sentence("fr")
        == "une feuille de tableur contient 2 lignes au plus\u00a0: choisissez le format CSV ou JSON"
    )


def test_a_name_tells_the_format() -> None:
    names = {
        "a.xlsx": ExportFormat.XLSX,
        "a.JSON": ExportFormat.JSON,
        "a.csv": ExportFormat.CSV,
        "a": ExportFormat.CSV,
    }
    assert {name: format_of(Path(name)) for name in names} == names
