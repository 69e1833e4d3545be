"""How a file of subscribers is written: its encoding, its delimiter, its length.  Read as it streams."""

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol

from mailer.core.address import without_invisible
from mailer.core.i18n import Explained
from mailer.imports import spreadsheet
from mailer.imports.columns import names_addresses

CHUNK = 1 << 20  # bytes
DELIMITERS = (",", ";", "\t", "|")
TOP = 20  # rows among which the header is looked for
SAMPLE = 10  # records shown before anything is taken
ENCODINGS = {"UTF-8": "utf-8-sig", "Windows-1252": "cp1252", "ISO-8859-15": "iso8859_15", "UTF-16": "utf-16",
             "Mac": "mac_roman", "DOS": "cp850"}  # fmt: skip
MIXED = "UTF-8, some lines in Windows-1252"
_UNKNOWN = "\ufffd"  # stands for a byte that is neither


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    """Read the bytes that are not UTF-8 as Windows-1252: one odd line must not spoil all others."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("mailer.windows", _as_windows)


class UnreadableFile(Explained, ValueError):
    """Tell why a file is no list of subscribers, and what to change in it."""

    sentences = "imports", "unreadable"


class Source(Protocol):
    """Hold a file, wherever it is kept; opened anew each time it is read."""

    @property
    def name(self) -> str: ...
    def open(self) -> BinaryIO: ...


@dataclass(frozen=True)
class OnDisk:
    """Hold a file of this machine."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    def open(self) -> BinaryIO:
        return self.path.open("rb")


@dataclass(frozen=True)
class Form:
    """Say what was told by reading it through once."""

    sha256: bytes
    encoding: str  # a Python codec; "" for a spreadsheet
    delimiter: str
    records: int  # blank lines and the header aside
    header: tuple[str, ...]
    above: int  # rows before the first record
    is_dump: bool = False  # of Sympa's: paragraphs, not rows
    is_mixed: bool = False  # UTF-8 with lines in Windows-1252
    sheet: str = ""  # of a spreadsheet

    @property
    def encoding_name(self) -> str:
        if self.sheet:
            return f"spreadsheet, {self.sheet}"
        names = {codec: name for name, codec in ENCODINGS.items()}
        return MIXED if self.is_mixed else names.get(self.encoding, self.encoding)


@dataclass(frozen=True)
class Choices:
    """Say what a person said of the file, in place of what it tells; empty: what it tells."""

    encoding: str = ""  # a key of ENCODINGS
    sheet: str = ""


def inspect(source: Source, choices: Choices = Choices()) -> Form:
    """Read the file through: nothing of it is imported before every line of it can be read.

    Raises UnreadableFile.
    """
    digest, looks = _look(source)
    if spreadsheet.is_one(looks.head):
        return _inspected_sheet(source, digest, choices.sheet)
    encoding = ENCODINGS.get(choices.encoding) or looks.encoding
    mixed = looks.mixed and not choices.encoding
    head = looks.head.decode(encoding, errors="mailer.windows" if mixed else "replace").lstrip("\ufeff")
    if _is_dump(head):
        found = sum(1 for _ in dumped(source, encoding))
        return Form(digest, encoding, "", found, DUMPED, 0, is_dump=True)
    delimiter = _delimiter(head)
    draft = Form(digest, encoding, delimiter, 0, (), 0, is_mixed=mixed)
    return _counted(source, draft)


def sheets(source: Source) -> list[str]:
    """Return the names of a spreadsheet's sheets.  Raises UnreadableFile."""
    try:
        with source.open() as file:
            return spreadsheet.sheets(file)
    except spreadsheet.Unreadable as fault:
        raise UnreadableFile(fault.code, file=source.name) from None


def _inspected_sheet(source: Source, digest: bytes, wanted: str) -> Form:
    there = sheets(source)
    if wanted and wanted not in there:
        raise UnreadableFile("no_sheet", file=source.name, sheet=wanted, there=", ".join(there))
    return _counted(source, Form(digest, "", "", 0, (), 0, sheet=wanted or there[0]))


def _counted(source: Source, draft: Form) -> Form:
    """Complete a form by its header and the number of its records."""
    header, above = _header([cells for _, cells in islice(_rows(source, draft), TOP)])
    total = sum(1 for _ in _rows(source, draft))
    return Form(
        draft.sha256, draft.encoding, draft.delimiter, total - above, header, above,
        is_mixed=draft.is_mixed, sheet=draft.sheet,
    )  # fmt: skip


def records(source: Source, form: Form) -> Iterator[tuple[int, list[str]]]:
    """Yield each record's cells, with the number of its last line; not the header, nor blank lines."""
    if form.is_dump:
        return dumped(source, form.encoding)
    return islice(_rows(source, form), form.above, None)


def sample(source: Source, form: Form) -> list[list[str]]:
    """Return the first records, to be looked at before anything is taken."""
    return [cells for _, cells in islice(records(source, form), SAMPLE)]


def _rows(source: Source, form: Form) -> Iterator[tuple[int, list[str]]]:
    if form.sheet:
        with source.open() as file:
            yield from spreadsheet.rows(file, form.sheet)
    else:
        yield from table(source, form)


def table(source: Source, form: Form) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV file.  Raises UnreadableFile, naming the line."""
    errors = "mailer.windows" if form.is_mixed else "strict"
    with source.open() as raw, io.TextIOWrapper(raw, form.encoding, errors, newline="") as text:
        reader = csv.reader(text, delimiter=form.delimiter, strict=True)
        try:
            for cells in reader:
                if not cells or (not cells[0] and not any(cell.strip() for cell in cells)):
                    continue
                if reader.line_num == 1 and _hint(cells, form.delimiter):
                    continue
                yield reader.line_num, cells
        except csv.Error:
            line = reader.line_num
            raise UnreadableFile("no_csv", file=source.name, line=line) from None
        except UnicodeError:
            raise UnreadableFile("encoding", file=source.name, encoding=form.encoding_name) from None


def is_readable(cells: Sequence[str]) -> bool:
    """Return whether no cell holds a byte that could not be read."""
    return not any(_UNKNOWN in cell for cell in cells)


def _hint(cells: list[str], delimiter: str) -> bool:
    """Return whether this row is Excel's `sep=;`, which says the delimiter and nothing else."""
    return delimiter.join(cells).lstrip("\ufeff").strip().lower() in {
        f"sep={delimiter}",
        f'"sep={delimiter}"',
        "sep=",
    }


def _delimiter(head: str) -> str:
    """Return the one that Excel's hint names, or that the first telling record has most of, quotes aside."""
    first = head.partition("\n")[0].strip().strip('"').lower()
    if first.startswith("sep=") and len(first) == 5:
        return first[-1]
    if head[:4].lower() == "sep=" and head[4:5] in DELIMITERS:
        return head[4]
    for record in islice(_records_of(head), TOP):
        counts = {delimiter: _outside_quotes(record, delimiter) for delimiter in DELIMITERS}
        if any(counts.values()):
            return max(DELIMITERS, key=lambda each: counts[each])
    return DELIMITERS[0]


def _records_of(head: str) -> Iterator[str]:
    """Yield the first records: a line break between quotes ends none."""
    record = ""
    for line in head.splitlines(keepends=True):
        record += line
        if record.count('"') % 2 == 0:
            yield record
            record = ""


def _outside_quotes(record: str, delimiter: str) -> int:
    return sum(part.count(delimiter) for part in record.split('"')[::2])


def _header(rows: list[list[str]]) -> tuple[tuple[str, ...], int]:
    """Return the names of the columns, and how many rows stand above the records.

    A title or a comment may stand above the header; Sympa's web pages write `# ` before it, or none at all.
    """
    named = (at for at, row in enumerate(rows) if names_addresses([cell.removeprefix("# ") for cell in row]))
    at = next(named, 0)
    first = _clean(rows[at]) if rows else []
    if len(first) == 1 and first[0].startswith("#") and len(rows) > 1:
        header, above = _header(rows[1:])
        return header, above + 1
    if first and any("@" in cell for cell in first):
        return _unnamed(first), at
    return tuple(cell.removeprefix("# ") for cell in first), at + 1 if first else 0


def _clean(row: list[str]) -> list[str]:
    return [" ".join(without_invisible(cell).split()) for cell in row]


def _unnamed(first: list[str]) -> tuple[str, ...]:
    """Name the columns of a file without a header: the one with addresses, and a name beside it."""
    mail = next(place for place, cell in enumerate(first) if "@" in cell)
    names = {mail: "email"} | ({mail + 1: "name"} if mail == 0 else {})
    return tuple(names.get(place, f"column {place + 1}") for place in range(len(first)))


DUMPED = ("email", "gecos", "date", "reception", "suspend")  # what is read of each paragraph


def dumped(source: Source, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the members of a Sympa dump: paragraphs of `name value` lines; cells in the order of DUMPED."""
    said: dict[str, str] = {}
    number = 0
    with source.open() as raw, io.TextIOWrapper(raw, encoding=encoding, errors="mailer.windows") as text:
        for number, line in enumerate(text, 1):
            name, _, value = line.strip().partition(" ")
            if name:
                said[name] = value
            elif said:
                yield number, [said.get(each, "") for each in DUMPED]
                said = {}
    if said:
        yield number, [said.get(each, "") for each in DUMPED]


@dataclass(frozen=True)
class _Looks:
    """Say what the bytes of a file tell."""

    head: bytes
    encoding: str
    mixed: bool


def _look(source: Source) -> tuple[bytes, _Looks]:
    """Return its SHA-256, and what its bytes tell.  Raises UnreadableFile on what is no text."""
    digest, head = hashlib.sha256(), b""
    lines = _Encodings()
    with source.open() as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            head = head or chunk
            if not (spreadsheet.is_one(head) or _is_utf_16(head)):
                if b"\0" in chunk:
                    raise UnreadableFile("no_text", file=source.name)
                lines.add(chunk)
    encoding = "utf-16" if _is_utf_16(head) else lines.encoding()
    return digest.digest(), _Looks(head, encoding, lines.mixed() and encoding != "utf-16")


def _is_utf_16(head: bytes) -> bool:
    return head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


class _Encodings:
    """Count the lines that are UTF-8 beyond ASCII, and those that are not UTF-8 at all."""

    def __init__(self) -> None:
        self._rest, self._utf8, self._other = b"", 0, 0

    def add(self, chunk: bytes) -> None:
        if chunk.isascii() and not self._rest:
            return
        lines = (self._rest + chunk).replace(b"\r", b"\n").split(b"\n")  # a lone CR ends one too
        self._rest = lines.pop()
        for line in lines:
            self._count(line)

    def _count(self, line: bytes) -> None:
        if line.isascii():
            return
        try:
            line.decode("utf-8")
            self._utf8 += 1
        except UnicodeDecodeError:
            self._other += 1

    def mixed(self) -> bool:
        self._end()
        return bool(self._utf8 and self._other)

    def encoding(self) -> str:
        self._end()
        return "cp1252" if self._other and not self._utf8 else "utf-8-sig"

    def _end(self) -> None:
        rest, self._rest = self._rest, b""
        self._count(rest)


def _is_dump(head: str) -> bool:
    """Return whether this opens like a dump of Sympa's: `name value` lines, an email among them."""
    lines = head.partition("\n\n")[0].splitlines()
    return any(line.startswith("email ") for line in lines) and all(" " in line for line in lines)
