"""Check what is said instead of an image, to those who do not see it.  Pure."""

import re
from collections.abc import Iterator
from functools import cache

from mailer.issues.checks import lists
from mailer.issues.checks.letter import Letter
from mailer.issues.findings import Finding, error, warning
from mailer.issues.pictures import alt_fault

LONG_ALT = 150  # characters


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield what is wrong with alternative texts."""
    for where, image in letter.content.placed_images():
        if image.decorative and image.alt:
            yield warning("alt_and_decorative", where, src=image.src)
        elif image.alt and (code := alt_fault(image.alt, image.src)):
            yield error(code, where, src=image.src, alt=image.alt)
        elif image.alt and (code := _manner(image.alt)):
            yield warning(code, where, src=image.src, alt=image.alt, limit=LONG_ALT)
    yield from _repeated(letter)


def _manner(alt: str) -> str | None:
    """Return the code of what makes words tiring to hear, though they tell what is there."""
    if len(alt.strip()) > LONG_ALT:
        return "long_alt"
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
