"""One person's rows made unreadable in the files of imports that are not over yet.

In place and to the same length: how far an import is counts records, and its file is kept in pieces.  A
blanked row is then refused like any other without an address.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import reduce
from itertools import pairwise
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.imports.models import ImportFile

_STAYS = frozenset(b",;\t\"'|@ \r\n")  # what gives a row its cells; an @ is what tells a row from a header
_BLANK = bytes(each if each in _STAYS else ord("x") for each in range(256))
_ENCODINGS = "utf-8", "cp1252"
_WORD = rb"\w.+\-\x80-\xff"


def blank(db: Session, email: str) -> int:
    """Blank the rows that hold a normalised address; how many."""
    named = spellings(email)
    imports = db.scalars(select(ImportFile.import_id).distinct()).all()
    return sum(_blank_one(db, import_id, named) for import_id in imports)


def spellings(email: str) -> re.Pattern[bytes]:
    """Return the address as any file may spell it: its case, accents, domain as A-labels or as people read
    it.
    """
    local, _, domain = email.rpartition("@")
    read = domain.encode("ascii").decode("idna")
    whole = {_spelled(f"{local}@{host}", encoding) for host in {domain, read} for encoding in _ENCODINGS} - {
        None
    }
    return re.compile(b"(?<![%b])(?:%b)(?![\\w\\-\\x80-\\xff]|\\.\\w)" % (
        _WORD, b"|".join(sorted(each for each in whole if each))
    ))  # fmt: skip


def _spelled(text: str, encoding: str) -> bytes | None:
    """None where the encoding has no such letters."""
    letters = []
    for each in text:
        forms = {
            unicodedata.normalize(form, said) for form in ("NFC", "NFD") for said in (each, each.upper())
        }
        written = {re.escape(some) for form in forms if (some := form.encode(encoding, "ignore"))}
        if not any(form.encode(encoding, "ignore").decode(encoding) == form for form in forms):
            return None
        letters.append(b"(?:%b)" % b"|".join(sorted(written, reverse=True)))
    return b"".join(letters)


def _blank_one(db: Session, import_id: UUID, named: re.Pattern[bytes]) -> int:
    rows = select(ImportFile).where(ImportFile.import_id == import_id).order_by(ImportFile.number)
    pieces = db.scalars(rows.with_for_update()).all()
    before = b"".join(piece.body for piece in pieces)
    lines = list(_lines(before, named))
    if not lines:
        return 0
    after = reduce(
        lambda body, at: body[: at[0]] + body[at[0] : at[1]].translate(_BLANK) + body[at[1] :], lines, before
    )
    ends = reduce(lambda sizes, piece: [*sizes, sizes[-1] + len(piece.body)], pieces, [0])
    for piece, (start, end) in zip(pieces, pairwise(ends), strict=True):
        piece.body = after[start:end]
    db.flush()
    return len(lines)


def _lines(body: bytes, named: re.Pattern[bytes]) -> Iterator[tuple[int, int]]:
    """Yield where the lines that name them begin and end; of a Sympa dump, the paragraphs."""
    for found in named.finditer(body):
        start = body.rfind(b"\n", 0, found.start()) + 1
        end = body.find(b"\n", found.end())
        if body[start : found.start()] == b"email ":
            start = body.rfind(b"\n\n", 0, found.start()) + 1
            end = body.find(b"\n\n", found.end())
        yield start, end if end >= 0 else len(body)
