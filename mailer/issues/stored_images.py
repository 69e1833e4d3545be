"""Keep and find the images of issues in the database, and remove those that nothing shows."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, Text, column, exists, func, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased, undefer

from mailer.issues import assets, crops
from mailer.issues.assets import AssetFile
from mailer.issues.crops import Crop
from mailer.issues.models import Asset, Issue, LibraryImage, Revision, Version
from mailer.issues.pictures import plain_name
from mailer.newsletters.models import Newsletter

_LONGEST = 120  # characters of a name
BY_FILE = "file"  # who put an image into the library, when its issue came as a file
UNUSED = timedelta(days=1)  # in which whoever has just given an image may still be about to show it


def keep(db: Session, image: AssetFile) -> None:
    """Store an image, once for all issues that show it."""
    values = {
        "sha256": image.sha256, "media_type": image.media_type, "width": image.width, "height": image.height,
        "body": image.body, "double": image.double, "original": image.original,
        "crop": None if image.crop.is_whole else image.crop.dump(),
    }  # fmt: skip
    again = {"kept_at": func.now()}  # `unused` waits for what is given again as well
    db.execute(insert(Asset).values(values).on_conflict_do_update(index_elements=["sha256"], set_=again))


def keep_all(db: Session, of: Newsletter, images: Mapping[str, AssetFile], *, by: str, now: datetime) -> None:
    """Store images, and put them into a newsletter's library under the names of their files.

    What is there stays as it is; a part of an image is none of its own.
    """
    for name, image in images.items():
        keep(db, image)
        if image.crop.is_whole:
            values = {
                "newsletter_id": of.id, "sha256": image.sha256, "name": short_name(name), "alt": "",
                "credit": "", "added_at": now, "added_by": by,
            }  # fmt: skip
            db.execute(insert(LibraryImage).values(values).on_conflict_do_nothing())


def read(db: Session, body: bytes) -> AssetFile:
    """Return an image as `assets.read` does; one that we made, and stored, is never made a second time.

    Raises BadImage.
    """
    known = stored(db, hashlib.sha256(body).hexdigest())
    return assets.cut(known) if known else assets.read(body)


def upload(db: Session, body: bytes) -> AssetFile:
    """Store an image, and the original that it is cut from where that is another; return it as it is shown.

    Raises BadImage.
    """
    source = stored(db, hashlib.sha256(body).hexdigest()) or assets.original(body)
    keep(db, source)
    shown = assets.cut(source)
    keep(db, shown)
    return shown


def cut(db: Session, image: AssetFile, crop: Crop) -> AssetFile:
    """Store and return another part of the original that an image was cut from.  Raises BadImage."""
    part = assets.cut(original(db, image), crop)
    keep(db, part)
    return part


def original(db: Session, image: AssetFile) -> AssetFile:
    """Return what an image was cut from: itself, where it was not."""
    return (stored(db, image.original) if image.original else None) or image


def stored(db: Session, sha256: str) -> AssetFile | None:
    """Return an image by its hash, None when there is none."""
    row = db.get(Asset, sha256, options=[undefer(Asset.body)])
    if row is None:
        return None
    return AssetFile(
        row.sha256, row.media_type, row.width, row.height, row.body, row.double, row.original,
        crops.load(row.crop),
    )  # fmt: skip


def named(db: Session, name: str) -> AssetFile | None:
    """Return an image by the name that issues keep: "<sha256>.<ext>"."""
    return stored(db, name.partition(".")[0])


def bodies(db: Session, names: Iterable[str]) -> dict[str, bytes]:
    """Return the bytes of images, by the names that issues keep."""
    hashes = {name.partition(".")[0]: name for name in names}
    rows = db.execute(select(Asset.sha256, Asset.body).where(Asset.sha256.in_(hashes)))
    return {hashes[row.sha256]: row.body for row in rows}


def same_or_free(src: str, name: str, taken: Mapping[str, str]) -> str:
    """Return what an issue may call a stored image that another issue calls `src`."""
    stem, dot, ending = src.rpartition(".")
    others = (f"{stem}-{n}{dot}{ending}" for n in range(2, len(taken) + 3))
    return next(each for each in (src, *others) if taken.get(each, name) == name)


def unused(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what is true of the images that nothing shows: no issue, version of one, letter as it was sent,
    library or logo, and no part of another that one of these has.
    """
    part = aliased(Asset)
    return (
        Asset.kept_at < now - UNUSED,
        Asset.sha256.not_in(_hashes_of(Issue)),
        Asset.sha256.not_in(_hashes_of(Version)),
        ~exists().where(LibraryImage.sha256 == Asset.sha256),
        ~exists().where(part.original == Asset.sha256),
        ~exists().where(func.split_part(Newsletter.logo, ".", 1) == Asset.sha256),
        ~exists().where(func.strpos(Revision.html, Asset.sha256) > 0),
    )


def _hashes_of(table: type[Issue] | type[Version]) -> Select[tuple[str]]:
    entry = func.jsonb_each_text(table.assets).table_valued(column("value", Text), name="entry")
    return select(func.split_part(entry.c.value, ".", 1)).select_from(table).join(entry, true())


def free_src(file_name: str, image: AssetFile, taken: Mapping[str, str]) -> str:
    """Return what an issue may call an uploaded image: images/NAME.EXT, which no other picture of it has."""
    stem = plain_name(file_name) or "image"
    ending = image.name.partition(".")[2]
    names = (f"images/{stem}{f'-{n}' if n > 1 else ''}.{ending}" for n in range(1, len(taken) + 2))
    return next(src for src in names if taken.get(src, image.name) == image.name)


def weight(db: Session, names: Iterable[str]) -> int:
    """Return how many bytes these images are together."""
    hashes = {name.partition(".")[0] for name in names}
    bytes_ = select(func.coalesce(func.sum(func.octet_length(Asset.body)), 0)).where(Asset.sha256.in_(hashes))
    return int(db.scalar(bytes_) or 0)


def short_name(file_name: str) -> str:
    """Return the name of a file without its folder, on one line."""
    return one_line(file_name.replace("\\", "/").rpartition("/")[2])[:_LONGEST]


def one_line(text: str) -> str:
    """Return words as a field of one line holds them, without what cannot be seen or stored."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())
