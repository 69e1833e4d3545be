"""Read spreadsheets (.xlsx, .xls, .ods) as rows of text.

The whole file is held in memory, which is why its size, once unpacked, is bounded.
"""

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime, time
from typing import Any, BinaryIO

from python_calamine import CalamineError, CalamineWorkbook

LARGEST = 512 << 20  # bytes, unpacked
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


class Unreadable(ValueError):
    """Say that this is no spreadsheet, or too large a one: `code` says which."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def is_one(head: bytes) -> bool:
    """Return whether a file that begins so is a spreadsheet's container."""
    return head.startswith((_ZIP, _OLE))


def sheets(file: BinaryIO) -> list[str]:
    """Return the names of its sheets, the first one first.  Raises Unreadable."""
    return list(_opened(file).sheet_names)


def rows(file: BinaryIO, sheet: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank, with its number in the sheet.  Raises Unreadable."""
    found = _opened(file).get_sheet_by_name(sheet)
    above = found.start[0] if found.start else 0
    for number, cells in enumerate(found.iter_rows(), above + 1):
        row = [_text(cell) for cell in cells]
        if any(cell.strip() for cell in row):
            yield number, row


def _opened(file: BinaryIO) -> CalamineWorkbook:
    body = file.read()
    try:
        if body.startswith(_ZIP):
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                size = sum(each.file_size for each in archive.infolist())
            if size > LARGEST:
                raise Unreadable("too_large")
        return CalamineWorkbook.from_filelike(io.BytesIO(body))
    except (CalamineError, zipfile.BadZipFile):
        raise Unreadable("no_spreadsheet") from None


def _text(cell: Any) -> str:
    """Write a cell as a CSV would: a day without an hour is a date, a whole number has no decimals."""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)  # of a date or an hour: ISO 8601
