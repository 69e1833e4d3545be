"""Check what is said instead of an image, to those who do not see it.  Pure."""

import re
from collections.abc import Iterator
from functools import cache

from mailer.issues.blocks import Image
from mailer.issues.checks import lists
from mailer.issues.checks.letter import Letter
from mailer.issues.findings import Finding, warning

LONG_ALT = 150  # characters
_FILE = re.compile(
    r"\S+\.(?:png|jpe?g|gif|webp|svg|bmp|tiff?)\Z|(?:img|dsc|dscn|pxl|screenshot|capture)[-_ ]?\d", re.I
)


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield what is wrong with alternative texts."""
    for where, image in letter.content.placed_images():
        if image.decorative and image.alt:
            yield warning("alt_and_decorative", where, src=image.src)
        elif image.alt and (code := _fault(image)):
            yield warning(code, where, src=image.src, alt=image.alt, limit=LONG_ALT)
    yield from _repeated(letter)


def _fault(image: Image) -> str | None:
    alt = image.alt.strip()
    if len(alt) > LONG_ALT:
        return "long_alt"
    if image.src.casefold().endswith(alt.casefold()) or _FILE.match(alt):
        return "alt_is_name"
    if lists.plain(alt).strip(" .:…") in lists.every("useless_alts") or not any(map(str.isalnum, alt)):
        return "alt_useless"
    return "alt_opening" if _opening().match(lists.plain(alt)) else None


@cache
def _opening() -> re.Pattern[str]:
    return re.compile(rf"(?:{lists.expression('alt_openings')})(?:(?<=’)|(?=\s))")


def _repeated(letter: Letter) -> Iterator[Finding]:
    """Find an alternative text that repeats the title above it: a screen reader reads both."""
    for number, block in enumerate(letter.content.blocks):
        image, title = getattr(block, "image", None), getattr(block, "title", None)
        if image and image.alt and title and image.alt.casefold() == title.casefold():
            yield warning("alt_repeats", f"blocks[{number}].image", alt=image.alt)
