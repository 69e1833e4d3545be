"""Decide how wide a picture is shown, and whether its words tell what it shows.  Pure."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from typing import Any

from mailer.issues.blocks import Content, Image
from mailer.issues.checks import lists
from mailer.issues.findings import Finding, error, warning

COLUMN = 592  # pixels between the margins of the letter, on a screen that is wide enough
_DOUBLE = "@2x"  # in a file's name: twice as fine as it is shown

_NOT_IN_NAMES = re.compile(r"[^a-z0-9@]+")
_LONGEST_NAME = 60  # characters
_FILE = re.compile(r"\.(?:png|jpe?g|gif|webp|heic|avif|svg|tiff?|bmp|pdf)$", re.IGNORECASE)


@dataclass(frozen=True)
class Picture:
    """Hold what the layout knows of an image: its absolute address, its width in pixels, and whether two of
    these are one on a screen.
    """

    url: str
    width: int
    double: bool = False


def shown_width(image: Image, picture: Picture) -> int:
    """Return the width in CSS pixels: what the author asked, else its own; never more than it has."""
    return min(image.width or _own(image, picture), picture.width)


def _own(image: Image, picture: Picture) -> int:
    return max(picture.width // 2, 1) if picture.double or _DOUBLE in image.src else picture.width


@cache
def _useless() -> re.Pattern[str]:
    """Match the plain name of a word that tells nothing, with an article or a number: une-photo-12."""
    alone = (plain_name(f"{word}.") for word in lists.every("useless_alts"))
    return re.compile(rf"(?:[a-z]{{1,3}}-)?(?:{'|'.join(alone)})(?:-?[0-9]+)*|")


def plain_name(file_name: str) -> str:
    """Return the name of a file without its folder and ending, in plain letters: l-ecole-en-hiver."""
    parted = unicodedata.normalize("NFKD", PurePath(file_name.replace("\\", "/")).stem.lower())
    plain = "".join(c for c in parted if not unicodedata.combining(c))
    return _NOT_IN_NAMES.sub("-", plain)[:_LONGEST_NAME].strip("-")


def alt_fault(alt: str, src: str) -> str | None:
    """Return the code of what keeps words from telling what a picture shows, None when nothing does."""
    plain = plain_name(f"{alt.strip(' .…')}.")
    if _useless().fullmatch(plain):
        return "alt_useless"
    if _FILE.search(alt.strip()) or (" " not in alt.strip() and plain == plain_name(src)):
        return "alt_is_name"
    return None


def block_faults(values: Mapping[str, Any], names: tuple[str, ...]) -> list[Finding]:
    """Return what keeps the pictures of a block from being sent, once they have their words."""
    return [fault for name in names if (fault := _fault(values.get(name) or {}, name))]


def findings(content: Content, pictures: Mapping[str, Picture]) -> Iterator[Finding]:
    """Yield the pictures that cannot be as wide as asked, and the small ones whose width nobody said."""
    for where, image in content.placed_images():
        if picture := pictures.get(image.src):
            yield from _width(where, image, picture)


def _fault(image: Mapping[str, Any], where: str) -> Finding | None:
    alt, src = image.get("alt") or "", image.get("src") or ""
    code = alt_fault(alt, src) if alt and not image.get("decorative") else None
    return error(code, where, src=src, alt=alt) if code else None


def _width(where: str, image: Image, picture: Picture) -> Iterator[Finding]:
    src, width, own = image.src, picture.width, _own(image, picture)
    if image.width and image.width > width:
        yield warning("picture_too_small", where, src=src, width=width, asked=image.width)
    elif not image.width and where.endswith(".image") and own < COLUMN:
        yield warning("picture_width", where, src=src, width=width, shown=own, column=COLUMN)
