"""Keep and find the images of issues in the database."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.issues import assets
from mailer.issues.assets import AssetFile
from mailer.issues.models import Asset

_NOT_IN_NAMES = re.compile(r"[^a-z0-9@]+")
_LONGEST = 60  # characters of a name


def keep(db: Session, image: AssetFile) -> None:
    """Store an image, once for all issues that show it."""
    db.execute(
        insert(Asset)
        .values(
            sha256=image.sha256, media_type=image.media_type, width=image.width, height=image.height,
            body=image.body,
        )
        .on_conflict_do_nothing()
    )  # fmt: skip


def read(db: Session, body: bytes) -> AssetFile:
    """Return an image as `assets.read` does; one that we made, and stored, is never made a second time.

    Raises BadImage.
    """
    known = db.get(Asset, hashlib.sha256(body).hexdigest())
    if known is None:
        return assets.read(body)
    return AssetFile(known.sha256, known.media_type, known.width, known.height, known.body)


def bodies(db: Session, names: Iterable[str]) -> dict[str, bytes]:
    """Return the bytes of images, by the names that issues keep: "<sha256>.<ext>"."""
    hashes = {name.partition(".")[0]: name for name in names}
    rows = db.execute(select(Asset.sha256, Asset.body).where(Asset.sha256.in_(hashes)))
    return {hashes[row.sha256]: row.body for row in rows}


def same_or_free(src: str, name: str, taken: Mapping[str, str]) -> str:
    """Return what an issue may call a stored image that another issue calls `src`."""
    stem, dot, ending = src.rpartition(".")
    others = (f"{stem}-{n}{dot}{ending}" for n in range(2, len(taken) + 3))
    return next(each for each in (src, *others) if taken.get(each, name) == name)


def free_src(file_name: str, image: AssetFile, taken: Mapping[str, str]) -> str:
    """Return what an issue may call an uploaded image: images/NAME.EXT, which no other picture of it has."""
    parted = unicodedata.normalize("NFKD", PurePath(file_name.replace("\\", "/")).stem.lower())
    plain = "".join(c for c in parted if not unicodedata.combining(c))
    stem = _NOT_IN_NAMES.sub("-", plain)[:_LONGEST].strip("-") or "image"
    ending = image.name.partition(".")[2]
    names = (f"images/{stem}{f'-{n}' if n > 1 else ''}.{ending}" for n in range(1, len(taken) + 2))
    return next(src for src in names if taken.get(src, image.name) == image.name)


def weight(db: Session, names: Iterable[str]) -> int:
    """Return how many bytes these images are together."""
    hashes = {name.partition(".")[0] for name in names}
    bytes_ = select(func.coalesce(func.sum(func.octet_length(Asset.body)), 0)).where(Asset.sha256.in_(hashes))
    return int(db.scalar(bytes_) or 0)
