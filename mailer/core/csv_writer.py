"""Write every CSV that leaves, so that a spreadsheet runs no cell of it (OWASP, CSV injection)."""

import csv
from collections.abc import Callable, Iterable
from typing import IO

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what a formula begins with


def begun(file: IO[str], columns: Iterable[str]) -> Callable[[Iterable[object]], None]:
    """Begin a CSV with its columns; return what adds a row: text that would run has a quote before it."""
    writer = csv.writer(file)

    def add(row: Iterable[object]) -> None:
        writer.writerow([guarded(cell) if isinstance(cell, str) else cell for cell in row])

    add(columns)
    return add


def guarded(cell: str) -> str:
    """Return the cell with a quote before it, if a spreadsheet would run it."""
    return f"'{cell}" if cell.startswith(FORMULAS) else cell


def unguarded(cell: str) -> str:
    """Return a cell of a file of ours as it was."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULAS) else cell
