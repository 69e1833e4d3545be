"""One person's rows made unreadable in the files of imports that are not over yet, and the names of files.

In place and to the same length: how far an import is counts records, and its file is kept in pieces.  A
blanked row is then refused like any other without an address.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import reduce
from itertools import pairwise
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mailer.core import quoted
from mailer.core.fingerprint import fingerprint_of
from mailer.imports.models import Import, ImportFile
from mailer.subscribers.consent.models import ConsentPayload

_STAYS = frozenset(b",;\t\"'|@ \r\n")  # what gives a row its cells; an @ is what tells a row from a header
_BLANK = bytes(each if each in _STAYS else ord("x") for each in range(256))
_ENCODINGS = "utf-8", "cp1252"
_WORD = rb"\w.+\-\x80-\xff"


def erase(db: Session, emails: Iterable[str], fingerprints: Collection[bytes]) -> dict[str, int]:
    """Blank the rows of somebody with these addresses, and what the names of files say of them.

    Return how many of both, by table.
    """
    blanked = Counter[UUID]()
    for email in emails:
        blanked.update(_blank(db, email))
    named = _blank_names(db, blanked.keys(), fingerprints)
    return {ImportFile.__tablename__: blanked.total(), Import.__tablename__: named}


def _blank_names(db: Session, holding: Collection[UUID], fingerprints: Collection[bytes]) -> int:
    """Blank the name of a file of theirs alone, and their address in the name of any other."""
    taken = select(ConsentPayload.import_id).where(ConsentPayload.fingerprint.in_(fingerprints))
    alone = or_(Import.id.in_(holding), Import.id.in_(taken)) & (Import.records == 1)
    found = db.scalars(
        select(Import).where(or_(alone, Import.file_name.contains("@"))).with_for_update()
    ).all()
    before = {each.id: each.file_name for each in found}
    theirs = set(db.scalars(select(Import.id).where(alone)))
    for each in found:
        each.file_name = quoted.BLANK if each.id in theirs else _without(each.file_name, fingerprints)
    db.flush()
    return sum(before[each.id] != each.file_name for each in found)


def _without(name: str, fingerprints: Collection[bytes]) -> str:
    return quoted.without(name, lambda email: fingerprint_of(email) in fingerprints, inner=True)


def blank(db: Session, email: str) -> int:
    """Blank the rows that hold a normalised address; how many."""
    return _blank(db, email).total()


def _blank(db: Session, email: str) -> Counter[UUID]:
    """Blank the rows that hold a normalised address; how many, by import."""
    named = spellings(email)
    imports = db.scalars(select(ImportFile.import_id).distinct()).all()
    return +Counter({import_id: _blank_one(db, import_id, named) for import_id in imports})


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
