# ruff: noqa: E501 -- files as people really write them
"""Files of people as spreadsheets, services and hands really write them: taken, or refused by line."""

import csv
import io
import itertools
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook

from mailer.imports.columns import AmbiguousDates, Columns, NoMapping, match, with_orders
from mailer.imports.dates import DateOrder
from mailer.imports.file_format import Choices, Form, UnreadableFile, inspect, records, sample
from mailer.imports.rows import Person, Refused, Rows, Terms

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 29, tzinfo=UTC)
AGREED = datetime(2026, 1, 14, 23, tzinfo=UTC)


@dataclass(frozen=True)
class InMemory:
    """A file nobody wrote to the disk."""

    body: bytes
    name: str = "people.csv"

    def open(self) -> BinaryIO:
        return io.BytesIO(self.body)


@dataclass
class Read:
    form: Form
    columns: Columns
    rows: list[Person | Refused]

    @property
    def people(self) -> list[tuple[str, str | None]]:
        return [(each.email, each.name) for each in self.rows if isinstance(each, Person)]

    @property
    def days(self) -> list[str]:
        return [
            each.said_at.astimezone(PARIS).date().isoformat()
            if isinstance(each, Person) and each.said_at
            else str(each)
            for each in self.rows
        ]


def read(
    body: str | bytes,
    *,
    order: DateOrder | None = None,
    choices: Choices | None = None,
    agreed: datetime | None = AGREED,
) -> Read:
    source = InMemory(body.encode() if isinstance(body, str) else body)
    form = inspect(source, choices or Choices())
    columns = with_orders(match(form.header), (cells for _, cells in records(source, form)), order)
    rows = Rows(columns, Terms("salon", "fr", PARIS, agreed, None, NOW), b"k" * 32)
    return Read(form, columns, [rows.read(line, cells) for line, cells in records(source, form)])


# -- addresses ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "pasted",
    [
        "zoe@example.fr", " ZOE@Example.FR ", "\ufeffzoe@example.fr", "zoe@example.fr\u200b", "\u200bzoe@example.fr",
        "zoe@exam\u00adple.fr", "\u200ezoe@example.fr\u200f", "\u202azoe@example.fr\u202c", "\u2066zoe@example.fr\u2069",
        "mailto:zoe@example.fr", "MAILTO:zoe@example.fr?subject=Bonjour", "<zoe@example.fr>", "zoe@example.fr;",
        "zoe@example.fr,", "zoe@example.fr.", "'zoe@example.fr'", '"zoe@example.fr"', "zoe@example.fr\u00a0", "<mailto:zoe@example.fr>",
    ],
)  # fmt: skip
def test_an_address_is_taken_as_it_is_pasted(pasted: str) -> None:
    cell = '"' + pasted.replace('"', '""') + '"'
    assert read(f"email;name\n{cell};Zoé\n").people == [("zoe@example.fr", "Zoé")]


def test_the_name_beside_an_address_is_kept_where_no_other_is_given() -> None:
    body = 'email,name\nJean Dupont <a@example.fr>,\n"""Dupont, Jean"" <b@example.fr>",\nX <c@example.fr>,Chloé\n'
    assert read(body).people == [
        ("a@example.fr", "Jean Dupont"),
        ("b@example.fr", "Dupont, Jean"),
        ("c@example.fr", "Chloé"),
    ]


@pytest.mark.parametrize(
    "cell", ["a@example.fr, b@example.fr", "a@example.fr;b@example.fr", "a@example.fr / b@example.fr",
             "A <a@example.fr>, B <b@example.fr>", "a@example.fr b@example.fr", "a@example.fr\nb@example.fr"]
)  # fmt: skip
def test_two_addresses_in_a_cell_are_refused_as_such(cell: str) -> None:
    assert read(f'email|name\n"{cell}"|\n').rows == [Refused.SEVERAL]


def test_a_formula_is_no_address() -> None:
    assert (
        read("email\n=cmd|'/ccalc'!a0@evil.fr\nok@example.fr\n".replace("|", "^")).rows[0] is Refused.ADDRESS
    )


# -- names -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("محمد العربي", "محمد العربي"), ("می\u200cخواهم", "می\u200cخواهم"), ("👩\u200d👧 Zoé 🎉", "👩\u200d👧 Zoé 🎉"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"), ("Jean\tPaul", "Jean Paul"), ("A\u202eBC", "ABC"),
        ("Zo\u00adé", "Zoé"), ("x" * 300, None), ("NULL", None), ("#N/A", None), ("O’Neil", "O’Neil"), ("\ue000name\ue001", "name"),
    ],
)  # fmt: skip
def test_a_name_is_kept_without_what_harms_and_never_costs_the_row(cell: str, name: str | None) -> None:
    assert read(f"email;name\nzoe@example.fr;{cell}\n").people == [("zoe@example.fr", name)]


# -- form --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "people"),
    [
        ('"Adresse\ne-mail";"Nom\ncomplet"\nnh1@example.fr;Jean\n', [("nh1@example.fr", "Jean")]),
        ('email;"Nom (celui de l\'usage, en capitales, sans accent)";Ville\nch1@example.fr;DUPONT;Lille\n', [("ch1@example.fr", "DUPONT")]),
        ("sep=;\r\nemail;name\r\nsep1@example.fr;Jean\r\n", [("sep1@example.fr", "Jean")]),
        ("sep=,\nemail,name\nsep1@example.fr,Jean\n", [("sep1@example.fr", "Jean")]),
        ('"sep=;"\nemail;name\nsep1@example.fr;Jean\n', [("sep1@example.fr", "Jean")]),
        ("email|name\nzoe@example.fr|Zoé\n", [("zoe@example.fr", "Zoé")]),
        ("email\tname\rzoe@example.fr\tZoé\r", [("zoe@example.fr", "Zoé")]),
        ("Liste des abonnés;;\n;;\nCourriel ;PRÉNOM; Nom \nzoe@example.fr;Zoé;Lefèvre\n", [("zoe@example.fr", "Zoé Lefèvre")]),
        ("zoe@example.fr;Zoé\nbob@example.fr;\n", [("zoe@example.fr", "Zoé"), ("bob@example.fr", None)]),
        ("Nom;Adresse\nLefèvre;zoe@example.fr\n", [("zoe@example.fr", "Lefèvre")]),
        ("Adresse;Adresse mail\n1 rue X;zoe@example.fr\n", [("zoe@example.fr", None)]),
    ],
)  # fmt: skip
def test_a_table_is_read_however_it_is_laid_out(body: str, people: list[tuple[str, str | None]]) -> None:
    assert read(body).people == people


@pytest.mark.parametrize(
    "header", ["Adresse mail", "E-mail", "Courriel", "Mél", "MÉL.", "e_mail", "Adresse\u00a0e-mail", "Email Address", "ADRESSE ÉLECTRONIQUE", "\ufeffemail"]
)  # fmt: skip
@pytest.mark.parametrize(
    "dated",
    [
        "consent_date",
        "Date d'inscription",
        "Date d’inscription",
        "optin",
        "opt-in date",
        "Date de consentement",
    ],
)
def test_headers_are_known_as_people_write_them(header: str, dated: str) -> None:
    found = read(f"{header};{dated}\nzoe@example.fr;2025-12-31\n", agreed=None)
    assert (found.people, found.days) == ([("zoe@example.fr", None)], ["2025-12-31"])


def test_a_flag_of_consent_counts_with_the_date_of_the_file() -> None:
    found = read("email;optin\na@example.fr;oui\nb@example.fr;non\nc@example.fr;1\n")
    assert [each if isinstance(each, Refused) else each.said_at for each in found.rows] == [
        AGREED,
        Refused.AWAITS,
        AGREED,
    ]


# -- encodings ---------------------------------------------------------------------


def test_one_odd_line_spoils_no_other() -> None:
    body = (
        "email,name\na@example.fr,Zoé\nb@example.fr,Hélène\n".encode()
        + "c@example.fr,André\n".encode("cp1252")
        + b"d@example.fr,\x81\x8d\n"
    )
    found = read(body)
    assert found.people == [("a@example.fr", "Zoé"), ("b@example.fr", "Hélène"), ("c@example.fr", "André")]
    assert found.rows[3] is Refused.ENCODING
    assert "Windows-1252" in found.form.encoding_name


def test_an_encoding_can_be_chosen() -> None:
    body = "email,name\na@example.fr,Zoé\n".encode("mac_roman")
    assert read(body, choices=Choices(encoding="Mac")).people == [("a@example.fr", "Zoé")]


# -- dates -------------------------------------------------------------------------

LAST_OF_2025 = [
    "31/12/2025", "31.12.2025", "31-12-2025", "2025-12-31", "2025/12/31", "31/12/25", "31 décembre 2025", "31 déc. 2025",
    "mercredi 31 décembre 2025", "31 December 2025", "December 31, 2025", "46022", "2025-12-31 10:00:00 UTC", "2025-12-31T10:00:00Z",
    "2025-12-31T10:00:00+01:00", "1767175200", "1767175200000", "31/12/2025 à 10:30", "31/12/2025 10h30", "31/12/2025 10:30:15",
    "20251231", "2025-12-31 10:00:00 CET", "2025-12-31 10:00:00.123 +0000 UTC", "31 DECEMBRE 2025",
]  # fmt: skip


@pytest.mark.parametrize("cell", LAST_OF_2025)
def test_a_date_stays_the_day_it_is(cell: str) -> None:
    assert read(f"email;consented_at\nzoe@example.fr;{cell}\n").days == ["2025-12-31"]


@pytest.mark.parametrize(
    "cell",
    ["hier", "2025", "12/2025", "31/02/2025", "32/12/2025", "10", "31/12", "10:30", "2025-12-31 10:00 XYZ"],
)
def test_what_is_no_date_is_refused(cell: str) -> None:
    assert read(f"email;consented_at\nzoe@example.fr;{cell}\n").rows == [Refused.BAD_DATE]


def test_a_column_is_read_in_one_form() -> None:
    month_first = read("email,consented_at\na@example.fr,12/31/2025\nb@example.fr,03/04/2025\n")
    assert (month_first.days, list(month_first.columns.orders.values())) == (
        ["2025-12-31", "2025-03-04"],
        [DateOrder.MONTH_FIRST],
    )
    day_first = read("email,consented_at\nb@example.fr,03/04/2025\na@example.fr,31/12/2025\n")
    assert day_first.days == ["2025-04-03", "2025-12-31"]


def test_a_column_that_could_be_read_two_ways_asks() -> None:
    body = "email,consented_at\na@example.fr,03/04/2025\nb@example.fr,05/05/2025\n"
    with pytest.raises(AmbiguousDates, match="ambiguous"):
        read(body)
    assert read(body, order=DateOrder.DAY_FIRST).days == ["2025-04-03", "2025-05-05"]
    assert read(body, order=DateOrder.MONTH_FIRST).days == ["2025-03-04", "2025-05-05"]
    assert read("email,consented_at\na@example.fr,05/05/2025\n").days == ["2025-05-05"]


# -- spreadsheets ------------------------------------------------------------------


def _xlsx(*sheets: tuple[str, list[list[object]]]) -> bytes:
    book = Workbook()
    assert book.active
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _ods(rows: list[list[str]]) -> bytes:
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
            for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    names = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"'
        for short in ("office", "table", "text")
    )
    content = f'<?xml version="1.0"?><office:document-content {names} office:version="1.2"><office:body><office:spreadsheet><table:table table:name="Feuille1">{cells}</table:table></office:spreadsheet></office:body></office:document-content>'
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr(
            "META-INF/manifest.xml",
            '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
    return written.getvalue()


def test_a_spreadsheet_is_read_with_the_dates_of_its_cells() -> None:
    body = _xlsx(("Abonnés", [["Courriel", "Nom", "Date d'inscription"], ["zoe@example.fr", "Zoé", date(2025, 12, 31)],
                              ["bob@example.fr", 12, datetime(2025, 12, 31, 10, 30)], [None, None, None]]), ("Autre", [["x"]]))  # fmt: skip
    found = read(body, agreed=None)
    assert found.people == [("zoe@example.fr", "Zoé"), ("bob@example.fr", "12")]
    assert found.days == ["2025-12-31", "2025-12-31"]
    assert (found.form.sheet, found.form.records) == ("Abonnés", 2)


def test_another_sheet_can_be_chosen_and_a_missing_one_is_named() -> None:
    body = _xlsx(("Vide", [["rien"]]), ("Bons", [["email"], ["zoe@example.fr"]]))
    assert read(body, choices=Choices(sheet="Bons")).people == [("zoe@example.fr", None)]
    with pytest.raises(UnreadableFile, match="no_sheet"):
        read(body, choices=Choices(sheet="Bon"))


def test_an_open_document_spreadsheet_is_read() -> None:
    assert read(_ods([["email", "name"], ["zoe@example.fr", "Zoé"]])).people == [("zoe@example.fr", "Zoé")]


# -- every shape -------------------------------------------------------------------

QUOTING: dict[str, Callable[[str], str]] = {"never": lambda cell: cell, "always": lambda cell: f'"{cell}"'}
HEADERS = [
    "email;name;consented_at",
    "Adresse mail;Nom complet;Date d'inscription",
    "E-MAIL;Prénom;Date de consentement",
    "COURRIEL;Nom;opt-in",
]
SHAPES = list(itertools.product(
    [",", ";", "\t", "|"], ["utf-8", "utf-8-sig", "cp1252", "utf-16"], QUOTING, HEADERS,
    ["31/12/2025", "2025-12-31", "31 décembre 2025"],
))  # fmt: skip


@pytest.mark.parametrize(("delimiter", "encoding", "quoting", "header", "day"), SHAPES)
def test_every_shape_of_a_table_is_read_alike(
    delimiter: str, encoding: str, quoting: str, header: str, day: str
) -> None:
    rows = [
        header.split(";"),
        ["zoé@example.fr".replace("é", "e"), "Zoé Lefèvre", day],
        ["bob@example.fr", "Bob", day],
    ]
    body = "\r\n".join(delimiter.join(map(QUOTING[quoting], row)) for row in rows)
    found = read(body.encode(encoding), agreed=None)
    assert found.people == [("zoe@example.fr", "Zoé Lefèvre"), ("bob@example.fr", "Bob")]
    assert found.days == ["2025-12-31"] * 2


def test_the_first_rows_can_be_looked_at() -> None:
    body = "email\n" + "".join(f"p{n}@example.fr\n" for n in range(30))
    source = InMemory(body.encode())
    assert len(sample(source, inspect(source))) == 10


def test_what_has_no_addresses_says_which_columns_there_are(tmp_path: Path) -> None:
    with pytest.raises(NoMapping, match="no_email"):
        read("Ville;Nom\nLille;Zoé\n")
    written = io.StringIO()
    csv.writer(written, delimiter=";").writerows([["email"], ["zoe@example.fr"]])
    assert read(written.getvalue()).people == [("zoe@example.fr", None)]
