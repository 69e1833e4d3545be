"""How a file of subscribers is written: its encoding, its delimiter, its length.  Read as it streams."""

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol

from mailer.core.i18n import Explained

CHUNK = 1 << 20  # bytes
DELIMITERS = (",", ";", "\t")


class UnreadableFile(Explained, ValueError):
    """Tell why a file is no list of subscribers, and what to change in it."""

    sentences = "imports", "unreadable"


class Source(Protocol):
    """A file, wherever it is kept; opened anew each time it is read."""

    @property
    def name(self) -> str: ...
    def open(self) -> BinaryIO: ...


@dataclass(frozen=True)
class OnDisk:
    """A file of this machine."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    def open(self) -> BinaryIO:
        return self.path.open("rb")


@dataclass(frozen=True)
class Form:
    """What was told by reading it through once."""

    sha256: bytes
    encoding: str  # a Python codec
    delimiter: str
    records: int  # blank lines and the header aside
    header: tuple[str, ...]
    above: int  # rows before the first record
    is_dump: bool = False  # of Sympa's: paragraphs, not rows

    @property
    def encoding_name(self) -> str:
        return {"utf-8-sig": "UTF-8", "utf-8": "UTF-8"}.get(self.encoding, "Windows-1252")


def inspect(source: Source) -> Form:
    """Read the file through: nothing of it is imported before every line of it can be read.

    Raises UnreadableFile.
    """
    digest, encoding, head = _look(source)
    if _is_dump(head):
        return Form(digest, encoding, "", sum(1 for _ in dumped(source, encoding)), DUMPED, 0, is_dump=True)
    delimiter = _delimiter(head)
    header, above = _header([cells for _, cells in islice(table(source, encoding, delimiter), 2)])
    total = sum(1 for _ in table(source, encoding, delimiter))
    return Form(digest, encoding, delimiter, total - above, header, above)


def records(source: Source, form: Form) -> Iterator[tuple[int, list[str]]]:
    """Yield each record's cells, with the number of its last line; the header and blank lines are passed
    over.
    """
    if form.is_dump:
        return dumped(source, form.encoding)
    return islice(table(source, form.encoding, form.delimiter), form.above, None)


def table(source: Source, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV file.  Raises UnreadableFile, naming the line."""
    with source.open() as raw, io.TextIOWrapper(raw, encoding=encoding, newline="") as text:
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                if cells and (cells[0] or any(cell.strip() for cell in cells)):
                    yield reader.line_num, cells
        except csv.Error:
            line = reader.line_num
            raise UnreadableFile("no_csv", file=source.name, line=line) from None
        except UnicodeDecodeError:
            raise UnreadableFile("encoding", file=source.name) from None


def _delimiter(head: str) -> str:
    """Return the one that the first line has most of; the second, under a comment."""
    first, _, rest = head.partition("\n")
    line = first if any(map(first.count, DELIMITERS)) else rest.partition("\n")[0]
    return max(DELIMITERS, key=line.count)


def _header(rows: list[list[str]]) -> tuple[tuple[str, ...], int]:
    """Return the names of the columns, and how many rows stand above the records.

    Sympa's web pages write a comment above the members, or `# ` before the header, or neither.
    """
    first = [cell.strip() for cell in rows[0]] if rows else []
    if len(first) == 1 and first[0].startswith("#") and len(rows) > 1:
        header, above = _header(rows[1:])
        return header, above + 1
    if first and "@" in first[0]:
        return ("email", "name", *(f"column {n}" for n in range(3, 100)))[: len(first)], 0
    return tuple(cell.removeprefix("# ") for cell in first), 1 if first else 0


DUMPED = ("email", "gecos", "date", "reception", "suspend")  # what is read of each paragraph


def dumped(source: Source, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the members of a Sympa dump: paragraphs of `name value` lines; cells in the order of DUMPED."""
    said: dict[str, str] = {}
    number = 0
    with source.open() as raw, io.TextIOWrapper(raw, encoding=encoding) as text:
        for number, line in enumerate(text, 1):
            name, _, value = line.strip().partition(" ")
            if name:
                said[name] = value
            elif said:
                yield number, [said.get(each, "") for each in DUMPED]
                said = {}
    if said:
        yield number, [said.get(each, "") for each in DUMPED]


def _look(source: Source) -> tuple[bytes, str, str]:
    """Return its SHA-256, its encoding, and its first lines."""
    digest, encoding, head = hashlib.sha256(), "utf-8-sig", b""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with source.open() as file:
        while chunk := file.read(CHUNK):
            if b"\0" in chunk:
                raise UnreadableFile("no_text", file=source.name)
            digest.update(chunk)
            head = head or chunk
            encoding = encoding if _decodes(decoder, chunk) else "cp1252"
    if encoding == "utf-8-sig" and not _decodes(decoder, b"", final=True):
        encoding = "cp1252"
    return digest.digest(), encoding, head.decode(encoding, errors="replace").lstrip("\ufeff")


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final=final)
    except UnicodeDecodeError:
        return False
    return True


def _is_dump(head: str) -> bool:
    """Return whether this opens like a dump of Sympa's: a paragraph of `name value` lines, an email among
    them.
    """
    lines = head.partition("\n\n")[0].splitlines()
    return any(line.startswith("email ") for line in lines) and all(" " in line for line in lines)
