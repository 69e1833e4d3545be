"""Write every file of rows that leaves the service: CSV, CSV for French spreadsheets, .xlsx or JSON.

Rows are written as they come, a page in memory at a time.  Instants are in the service's zone, as ISO 8601
writes them; a day without an hour stays the day it was.  No cell is a formula: where a spreadsheet would take
a text for one (OWASP, CSV injection), a CSV has an apostrophe before it, and .xlsx a text marked as such.  A
JSON file holds its texts as they are: nothing computes them.
"""

import csv
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import IO, Any

from mailer.core.i18n import Explained

Cell = str | int | bool | date | datetime | None  # a datetime is aware
Add = Callable[[Sequence[Cell]], None]
SHEET_ROWS = 1_048_576  # what a sheet of Excel holds
_DAY, _INSTANT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"

# A text that a spreadsheet computes, at the start of a cell, or of what it takes for one when it splits a
# line at the other delimiter; full-width signs too, and an apostrophe that would be taken for ours.
_CELL, _RUNS = r"(?:\A|(?<=[;,\t\r\n]))", r"(?=[\s\"']*[=+\-@\t\r\n＝＋－＠])"
_COMPUTED, _GUARD = re.compile(_CELL + _RUNS), re.compile(f"{_CELL}'{_RUNS}")


class ExportFormat(StrEnum):
    """Say how a file of rows is written."""

    XLSX = "xlsx"
    CSV_EXCEL = "csv-excel"  # semicolons: what Excel opens on a French computer
    CSV = "csv"  # commas (RFC 4180)
    JSON = "json"  # an array of objects

    @property
    def ending(self) -> str:
        """Return the ending of such a file's name."""
        return "csv" if self is ExportFormat.CSV_EXCEL else self.value

    @property
    def mimetype(self) -> str:
        """Return its media type."""
        return _MIMETYPES[self.ending]


_MIMETYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class TooManyRows(Explained, ValueError):
    """Tell that a spreadsheet cannot hold these rows."""

    sentences = "core", "export"


@dataclass(frozen=True)
class Table:
    """Hold the names of the columns, and the rows as they come."""

    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def format_of(path: Path) -> ExportFormat:
    """Return the format that a file's name asks for; CSV where its ending tells none."""
    ending = path.suffix.lower().removeprefix(".")
    return ExportFormat(ending) if ending in {ExportFormat.XLSX, ExportFormat.JSON} else ExportFormat.CSV


def write(table: Table, file: IO[bytes], form: ExportFormat, zone: tzinfo) -> int:
    """Write a table; return how many rows it had.  Raises TooManyRows."""
    written = 0
    with opened(file, form, table.columns, zone) as add:
        for row in table.rows:
            add(row)
            written += 1
    return written


@contextmanager
def opened(file: IO[bytes], form: ExportFormat, columns: Sequence[str], zone: tzinfo) -> Iterator[Add]:
    """Begin a file; the function that adds a row to it.  Whole once the block has ended."""
    with _BEGIN[form](file, columns, zone) as add:
        yield add


def guarded(cell: str) -> str:
    """Return the text with an apostrophe before whatever a spreadsheet would compute."""
    return _COMPUTED.sub("'", cell)


def unguarded(cell: str) -> str:
    """Return the text that `guarded` was given."""
    return _GUARD.sub("", cell)


def day_or_instant(at: datetime, zone: tzinfo) -> str:
    """Write an instant as that zone's clock had it (ISO 8601); a day without an hour stays the day it was."""
    local = at.astimezone(zone)
    return local.date().isoformat() if local.time() == time() else local.isoformat()


@contextmanager
def _csv(file: IO[bytes], columns: Sequence[str], zone: tzinfo, *, excel: bool = False) -> Iterator[Add]:
    """Begin with the byte order mark by which spreadsheets know UTF-8."""
    text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text, delimiter=";" if excel else ",")

    def add(row: Sequence[Cell]) -> None:
        writer.writerow([_as_text(cell, zone, excel=excel) for cell in row])

    try:
        add(columns)
        yield add
    finally:
        text.detach()  # the caller closes what it opened


def _as_text(cell: Cell, zone: tzinfo, *, excel: bool) -> str:
    """Write a cell of a CSV; `excel`: instants as Excel takes them for dates."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        local = cell.astimezone(zone)
        return (
            f"{local:%Y-%m-%d %H:%M:%S}" if excel and local.time() != time() else day_or_instant(cell, zone)
        )
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return guarded(cell) if isinstance(cell, str) else str(cell)


@contextmanager
def _json(file: IO[bytes], columns: Sequence[str], zone: tzinfo) -> Iterator[Add]:
    between = b"["

    def add(row: Sequence[Cell]) -> None:
        nonlocal between
        values = {name: _as_json(cell, zone) for name, cell in zip(columns, row, strict=True)}
        file.write(between + b"\n" + json.dumps(values, ensure_ascii=False).encode())
        between = b","

    yield add
    file.write(b"[]\n" if between == b"[" else b"\n]\n")


def _as_json(cell: Cell, zone: tzinfo) -> str | int | bool | None:
    if isinstance(cell, datetime):
        return day_or_instant(cell, zone)
    return cell.isoformat() if isinstance(cell, date) else cell


@contextmanager
def _xlsx(file: IO[bytes], columns: Sequence[str], zone: tzinfo) -> Iterator[Add]:
    """Write row by row; what waits on the disk meanwhile is in a folder of its own, and goes with it."""
    from xlsxwriter import Workbook  # noqa: PLC0415 -- a worker that writes none does without

    with tempfile.TemporaryDirectory(prefix="mailer-export-") as folder:
        book = Workbook(file, {"constant_memory": True, "tmpdir": folder})
        try:
            sheet = _Sheet(book, zone)
            sheet.head(columns)
            yield sheet.add
        finally:
            book.close()


class _Sheet:
    """Hold the one sheet of a workbook, and how its cells look."""

    def __init__(self, book: Any, zone: tzinfo) -> None:
        self._sheet, self._zone, self._row = book.add_worksheet(), zone, 0
        self._bold = book.add_format({"bold": True, "quote_prefix": True})
        self._text = book.add_format({"quote_prefix": True})  # stays a text when somebody edits it
        self._day = book.add_format({"num_format": _DAY})
        self._instant = book.add_format({"num_format": _INSTANT})
        self._sheet.freeze_panes(1, 0)

    def head(self, columns: Sequence[str]) -> None:
        self._sheet.set_column(0, len(columns) - 1, 24)  # characters
        for place, name in enumerate(columns):
            self._sheet.write_string(0, place, name, self._bold)

    def add(self, row: Sequence[Cell]) -> None:
        self._row += 1
        if self._row == SHEET_ROWS:
            raise TooManyRows("too_many_rows", most=SHEET_ROWS - 1)
        for place, cell in enumerate(row):
            self._write(place, cell)

    def _write(self, place: int, cell: Cell) -> None:
        if isinstance(cell, datetime):
            self._write_instant(place, cell.astimezone(self._zone).replace(tzinfo=None))
        elif isinstance(cell, date):
            self._sheet.write_datetime(self._row, place, cell, self._day)
        elif isinstance(cell, bool):
            self._sheet.write_boolean(self._row, place, cell)
        elif isinstance(cell, int):
            self._sheet.write_number(self._row, place, cell)
        elif cell:
            self._sheet.write_string(self._row, place, cell, self._text)

    def _write_instant(self, place: int, local: datetime) -> None:
        looks = self._day if local.time() == time() else self._instant
        self._sheet.write_datetime(self._row, place, local, looks)


_BEGIN: dict[ExportFormat, Callable[..., AbstractContextManager[Add]]] = {
    ExportFormat.XLSX: _xlsx,
    ExportFormat.CSV_EXCEL: partial(_csv, excel=True),
    ExportFormat.CSV: _csv,
    ExportFormat.JSON: _json,
}
