# ruff: noqa: E501, S311 -- names of columns as people write them; a draw that anybody can repeat
"""Three hundred shapes of a file, drawn from a seed: each is read right, or refused with the right sentence."""

import csv
import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

import pytest
from openpyxl import Workbook

from mailer.core.i18n import Explained
from mailer.imports.messages import sentence
from mailer.imports.rows import Person, Refused
from tests.unit.imports.test_real_files import read

SEED, SHAPES = 20261129, 300
DELIMITERS = [",", ";", "\t", "|"]
ENCODINGS = ["utf-8", "utf-8-sig", "cp1252", "utf-16"]
QUOTINGS: dict[str, Literal[0, 1, 2]] = {"minimal": 0, "all": 1, "nonnumeric": 2}
BREAKS = ["\n", "\r\n", "\r"]
MAIL = ["email", "Adresse mail", "E-mail", "Courriel", "Mél", "ADRESSE ÉLECTRONIQUE", "Adresse\u00a0e-mail", "e_mail",
        "Adresse\ne-mail", "Email Address"]  # fmt: skip
NAME = ["name", "Nom complet", "Nom et prénom", "NOM COMPLET"]
DATE = ["consented_at", "Date d'inscription", "Date d’inscription", "consent_date", "Date de consentement", "optin",
        "Inscrit le"]  # fmt: skip
OTHERS = ["Ville", "Code postal", "Remarques, s'il y en a", "N° d’adhérent"]
MONTHS = ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
          "décembre"]  # fmt: skip
WRITTEN: dict[str, Callable[[date], str]] = {
    "31/12/2025": lambda day: f"{day:%d/%m/%Y}",
    "31.12.2025": lambda day: f"{day:%d.%m.%Y}",
    "31-12-25": lambda day: f"{day:%d-%m-%y}",
    "12/31/2025": lambda day: f"{day:%m/%d/%Y}",
    "2025-12-31": lambda day: day.isoformat(),
    "2025/12/31": lambda day: f"{day:%Y/%m/%d}",
    "2025-12-31 10:00": lambda day: f"{day} 10:00:00",
    "2025-12-31T10:00Z": lambda day: f"{day}T10:00:00Z",
    "serial": lambda day: str((day - date(1899, 12, 30)).days),
    "epoch": lambda day: str(int(datetime(day.year, day.month, day.day, 11).timestamp())),
    "words": lambda day: f"{day.day} {MONTHS[day.month - 1]} {day.year}",
}
PEOPLE = [
    ("zoe@example.fr", "Zoé Lefèvre", date(2025, 12, 31)),
    ("jose@example.fr", "José d'Été", date(2025, 11, 28)),
    ("ana@example.fr", 'Ana "Nana" Ruiz; dite N.', date(2024, 1, 13)),
    ("leo@example.fr", "Léo, l’aîné", date(2025, 3, 30)),  # the day clocks change
]
AMBIGUOUS = [date(2025, 4, 3), date(2025, 5, 6), date(2024, 1, 2), date(2025, 7, 8)]


@dataclass
class Shape:
    """How a file is written, and what must be said of it: rows by their place, or the file whole."""

    delimiter: str
    encoding: str
    quoting: str
    line_end: str
    header: list[str]
    order: list[int]
    written: str
    wrong: str
    above: str
    spreadsheet: bool
    refused: dict[int, Refused] = field(default_factory=dict)
    fault: str = ""


# What is wrong with a file: nothing, mostly.
WRONG = [*[""] * 12, "no @", "two addresses", "no date", "future", "no such day", "extra cell", "no column", "twice",
         "ambiguous", "odd byte", "odd line", "not a text", "open quote"]  # fmt: skip


def drawn(seed: int) -> Shape:
    """Draw a shape; the same for the same seed."""
    pick = random.Random(seed)
    header = [
        pick.choice(MAIL),
        pick.choice(NAME),
        pick.choice(DATE),
        *pick.sample(OTHERS, pick.randint(0, 2)),
    ]
    order = pick.sample(range(len(header)), len(header))
    shape = Shape(
        pick.choice(DELIMITERS), pick.choice(ENCODINGS), pick.choice(list(QUOTINGS)), pick.choice(BREAKS), header,
        order, pick.choice(list(WRITTEN)), pick.choice(WRONG), pick.choice(["", "", "", "sep=", "title"]),
        pick.random() < 0.2,
    )  # fmt: skip
    return _possible(shape)


def _possible(shape: Shape) -> Shape:
    """Leave out what cannot be written so."""
    if shape.spreadsheet:
        shape.above = "" if shape.above == "sep=" else shape.above
        if shape.wrong in {"odd byte", "odd line", "not a text", "open quote"}:
            shape.wrong = ""
    if shape.encoding == "utf-16" and shape.wrong in {"odd byte", "odd line", "not a text"}:
        shape.encoding = "utf-8"
    if shape.wrong in {"odd byte", "odd line"}:
        shape.encoding = "utf-8"
    if "\n" in "".join(shape.header):
        shape.quoting = "all"
    elif shape.wrong == "open quote":
        shape.quoting = "minimal"
    if shape.wrong == "ambiguous":
        shape.written = "31/12/2025"
    return shape


# A cell that cannot be used: its row, its column, what it says (a day: as the file writes days), and the refusal.
BAD_CELLS: dict[str, tuple[int, int, str | date, Refused]] = {
    "no @": (1, 0, "personne", Refused.ADDRESS),
    "two addresses": (1, 0, "a@example.fr, b@example.fr", Refused.SEVERAL),
    "no date": (2, 2, "", Refused.NO_DATE),
    "future": (2, 2, date(2031, 12, 31), Refused.FUTURE),
    "no such day": (3, 2, "31 février 2025", Refused.BAD_DATE),
}


def _rows(shape: Shape) -> list[list[str]]:
    """Return the rows, header first, and note what must be said of them."""
    days = AMBIGUOUS if shape.wrong == "ambiguous" else [day for *_, day in PEOPLE]
    write = WRITTEN[shape.written]
    rows = [[mail, name, write(day), "Lille", "59000"][: len(shape.header)]
            for (mail, name, _), day in zip(PEOPLE, days, strict=True)]  # fmt: skip
    if bad := BAD_CELLS.get(shape.wrong):
        place, column, said, refusal = bad
        rows[place][column] = write(said) if isinstance(said, date) else said
        shape.refused[place] = refusal
    header = _headed(shape, rows)
    table = [[row[place] for place in shape.order] for row in (header, *rows)]
    if shape.wrong == "extra cell":
        table[2].append("de trop")
        if not shape.spreadsheet:  # whose columns are as many as its longest row has: this one has no name
            shape.refused[1] = Refused.CELLS
    return table


def _headed(shape: Shape, rows: list[list[str]]) -> list[str]:
    """Return the header, and note what must be said of the whole file."""
    header = list(shape.header)
    match shape.wrong:
        case "no column":
            header[0], shape.fault = "Référence", "no_email"
        case "twice":
            header[0], shape.fault = "email", "twice"
            header.append("courriel")
            shape.order = [*shape.order, len(header) - 1]
            for row in rows:
                row.append("x@example.fr")
        case "ambiguous":
            shape.fault = "ambiguous"
    return header


def _body(shape: Shape) -> bytes:
    table = _rows(shape)
    if shape.above == "title":
        table.insert(0, ["Liste des abonnés", *[""] * (len(shape.order) - 1)])
    return _sheet(shape, table) if shape.spreadsheet else _text(shape, table)


def _text(shape: Shape, table: Sequence[Sequence[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(
        written, delimiter=shape.delimiter, quoting=QUOTINGS[shape.quoting], lineterminator=shape.line_end
    ).writerows(table)
    text = written.getvalue()
    if shape.above == "sep=":
        text = f"sep={shape.delimiter}{shape.line_end}{text}"
    match shape.wrong:
        case "open quote":
            shape.fault = "no_csv"
            return f'{text}"jamais fermé'.encode(shape.encoding)
        case "odd byte":
            row = ["x@example.fr" if place == 0 else "\udc81" for place in shape.order]
            return text.encode() + shape.delimiter.join(row).encode("utf-8", "surrogateescape")
        case "odd line":
            row = [
                ["rene@example.fr", "René", "2025-12-31"][place] if place < 3 else "" for place in shape.order
            ]
            return text.encode() + shape.delimiter.join(row).encode("cp1252")
        case "not a text":
            shape.fault = "no_text"
            return text.encode(shape.encoding) + b"\0\0"
    return text.encode(shape.encoding)


def _sheet(shape: Shape, table: Sequence[Sequence[str]]) -> bytes:
    book, written = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet
    for row in table:
        sheet.append([_cell(shape, cell) for cell in row])
    book.save(written)
    return written.getvalue()


def _cell(shape: Shape, cell: str) -> object:
    """Give the days that are written as ISO 8601 the type that a spreadsheet has for them."""
    if shape.written == "2025-12-31" and cell[:2] == "20" and cell[4:5] == "-":
        return date.fromisoformat(cell)
    return int(cell) if shape.written in {"serial", "epoch"} and cell.isdigit() else cell


@pytest.mark.parametrize("seed", range(SEED, SEED + SHAPES))
def test_every_shape_is_read_right_or_refused_with_the_right_sentence(seed: int) -> None:
    shape = drawn(seed)
    body = _body(shape)
    if shape.fault:
        with pytest.raises(Explained) as refused:
            read(body, agreed=None)
        assert refused.value.code == shape.fault, shape
        assert refused.value.sentence("fr")
        return
    found = read(body, agreed=None)
    assert len(found.rows) >= len(PEOPLE), shape
    for place, (row, (mail, name, day)) in enumerate(zip(found.rows, PEOPLE, strict=False)):
        if place in shape.refused:
            assert row is shape.refused[place], shape
            assert sentence(row, "fr")
        else:
            assert isinstance(row, Person), (shape, row)
            assert (row.email, row.name, found.days[place]) == (mail, name, day.isoformat()), shape
    if shape.wrong == "odd byte":
        assert found.rows[-1] is Refused.ENCODING
    if shape.wrong == "odd line":
        assert (found.people[-1], found.days[-1]) == (("rene@example.fr", "René"), "2025-12-31")


def test_the_draw_holds_every_kind() -> None:
    shapes = [drawn(seed) for seed in range(SEED, SEED + SHAPES)]
    assert {shape.wrong for shape in shapes} == set(WRONG)
    assert {shape.delimiter for shape in shapes} == set(DELIMITERS)
    assert {shape.encoding for shape in shapes} == set(ENCODINGS)
    assert {shape.written for shape in shapes} == set(WRITTEN)
    assert {name for shape in shapes for name in shape.header} == {*MAIL, *NAME, *DATE, *OTHERS}
    assert sum(shape.spreadsheet for shape in shapes) > 30
