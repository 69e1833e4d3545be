"""Decide how wide a picture is shown, and find those whose author has to say it.  Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailer.issues.blocks import Content, Image
from mailer.issues.findings import Finding, warning

COLUMN = 592  # pixels between the margins of the letter, on a screen that is wide enough
_DOUBLE = "@2x"  # in a file's name: twice as fine as it is shown


@dataclass(frozen=True)
class Picture:
    """Hold what the layout knows of an image: its absolute address, and its width in pixels."""

    url: str
    width: int


def shown_width(image: Image, picture: Picture) -> int:
    """Return the width in CSS pixels: what the author asked, else its own; never more than it has."""
    return min(image.width or _own(image, picture), picture.width)


def _own(image: Image, picture: Picture) -> int:
    return max(picture.width // 2, 1) if _DOUBLE in image.src else picture.width


def findings(content: Content, pictures: Mapping[str, Picture]) -> Iterator[Finding]:
    """Yield the pictures that cannot be as wide as asked, and the small ones whose width nobody said."""
    for where, image in content.placed_images():
        picture = pictures.get(image.src)
        if picture is None:
            continue
        src, width, own = image.src, picture.width, _own(image, picture)
        if image.width and image.width > width:
            yield warning("picture_too_small", where, src=src, width=width, asked=image.width)
        elif not image.width and where.endswith(".image") and own < COLUMN:
            yield warning("picture_width", where, src=src, width=width, shown=own, column=COLUMN)
