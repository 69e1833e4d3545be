"""Consents given elsewhere, taken over from a CSV file read as it streams.

A row is imported, known already, or refused with its line and a reason; neither quotes an address.
"""

import codecs
import csv
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from mailer.people import consent
from mailer.people.address import InvalidAddress, normalise
from mailer.people.consent import Imported

COLUMNS = ("email", "name", "locale", "consented_at")
LOCALES = ("fr", "en")
MAX_NAME = 200  # characters
_FRENCH_DATES = ("%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S")  # as a spreadsheet writes them
_CHUNK = 1 << 20  # bytes


class UnreadableFile(ValueError):
    """This file is no list of subscribers; the message says what to change in it."""


class Refused(ValueError):
    """This row cannot be imported; the message is the reason."""


@dataclass(frozen=True)
class Form:
    """How a file is written."""

    encoding: str
    delimiter: str
    lines: int


@dataclass(frozen=True)
class Terms:
    """What is known of the whole file, and completes its rows."""

    newsletter_id: UUID
    source: str
    locale: str
    zone: ZoneInfo  # of the dates in it
    consented_at: datetime | None
    now: datetime


@dataclass(frozen=True)
class Refusal:
    line: int
    reason: str


@dataclass
class Report:
    """What became of the rows: read = new + known + refused."""

    read: int = 0
    new: int = 0
    known: int = 0
    refused: list[Refusal] = field(default_factory=list)


def inspect(path: Path) -> Form:
    """Tell the encoding (UTF-8, else Windows-1252), the delimiter and the number of lines.

    Raises UnreadableFile.
    """
    encoding, lines = "utf-8-sig", 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        head = file.readline(_CHUNK)
        file.seek(0)
        while chunk := file.read(_CHUNK):
            lines += chunk.count(b"\n")
            if b"\0" in chunk:
                raise UnreadableFile(f"{path.name} is not a text file: save it as CSV, in UTF-8")
            encoding = encoding if _decodes(decoder, chunk) else "cp1252"
    return Form(encoding, ";" if b";" in head else ",", lines)


def import_csv(
    db: Session, path: Path, form: Form, terms: Terms, *, progress: Callable[[int], object] = lambda _: None
) -> Report:
    """Import every row that may be; `progress` is told how many lines were read since it last was.

    Raises UnreadableFile, before anything is written or in a transaction its caller then rolls back.
    """
    report, told = Report(), 0
    rows = _rows(path, form)
    names = _header(path, next(rows, (1, []))[1])
    for line, cells in rows:
        report.read += 1
        try:
            outcome = _import_row(db, _row(names, cells), terms)
        except Refused as refusal:
            report.refused.append(Refusal(line, str(refusal)))
        else:
            report.new += outcome is Imported.NEW
            report.known += outcome is Imported.KNOWN
        progress(line - told)
        told = line
    return report


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    try:
        decoder.decode(chunk, final=len(chunk) < _CHUNK)
    except UnicodeDecodeError:
        return False
    return True


def _rows(path: Path, form: Form) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of its last line; blank ones are passed over."""
    with path.open(encoding=form.encoding, newline="") as file:
        reader = csv.reader(file, delimiter=form.delimiter, strict=True)
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, cells
        except csv.Error as error:
            raise UnreadableFile(f"{path.name}, line {reader.line_num}: {error}") from None
        except UnicodeDecodeError:
            raise UnreadableFile(
                f"{path.name} is neither UTF-8 nor Windows-1252: save it as CSV, in UTF-8"
            ) from None


def _header(path: Path, cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    if "email" not in names:
        raise UnreadableFile(
            f"{path.name} has no email column: its first line must name {', '.join(COLUMNS)}"
        )
    if unknown := [name for name in names if name not in COLUMNS]:
        raise UnreadableFile(
            f"{path.name} has columns that are not kept ({', '.join(unknown)}): remove them, "
            f"keep only {', '.join(COLUMNS)}"
        )
    if len(set(names)) < len(names):
        raise UnreadableFile(f"{path.name} names a column twice: keep one of them")
    return names


def _row(names: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) > len(names):
        raise Refused(f"{len(cells)} cells where the first line has {len(names)}")
    return dict.fromkeys(COLUMNS, "") | {
        name: " ".join(cell.split()) for name, cell in zip(names, cells, strict=False)
    }


def _import_row(db: Session, row: dict[str, str], terms: Terms) -> Imported:
    outcome = consent.import_person(
        db,
        newsletter_id=terms.newsletter_id,
        email=_email(row["email"]),
        name=_name(row["name"]),
        locale=_locale(row["locale"], terms),
        source=terms.source,
        consented_at=_consented_at(row["consented_at"], terms),
        now=terms.now,
    )
    if outcome is Imported.SUPPRESSED:
        raise Refused("this person is on the suppression list: only they can lift it, by signing up")
    if outcome is Imported.WITHDRAWN:
        raise Refused("this person unsubscribed after that consent")
    return outcome


def _email(text: str) -> str:
    try:
        return normalise(text)
    except InvalidAddress:
        raise Refused("not an email address") from None


def _name(text: str) -> str | None:
    if len(text) > MAX_NAME or not text.isprintable():
        raise Refused(f"the name is longer than {MAX_NAME} characters, or not plain text")
    return text or None


def _locale(text: str, terms: Terms) -> str:
    locale = text.lower() or terms.locale
    if locale not in LOCALES:
        raise Refused(f"the locale must be one of {', '.join(LOCALES)}")
    return locale


def _consented_at(text: str, terms: Terms) -> datetime:
    at = _instant(text, terms.zone) if text else terms.consented_at
    if at is None:
        raise Refused("no consent date: fill the consented_at column, or give one for the whole file")
    if at > terms.now:
        raise Refused("the consent date is in the future")
    return at


def _instant(text: str, zone: ZoneInfo) -> datetime:
    for read in (datetime.fromisoformat, *(_reader(pattern) for pattern in _FRENCH_DATES)):
        with suppress(ValueError, OverflowError):
            at = read(text)
            return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    raise Refused("the consent date is unreadable: write it 2026-01-31")


def _reader(pattern: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, pattern)
