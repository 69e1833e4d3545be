"""Check that reading a letter asks nothing of others: no remote font, no image that counts readers.  Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache

from mailer.issues.checks.letter import Letter
from mailer.issues.findings import Finding, error, warning

_STYLES = re.compile(r"@import|@font-face|<link [^>]*href=[^>]*>")  # MJML writes all in lower case
_LOADED = tuple(  # one by one: each begins with a word of its own, which is looked for fast
    re.compile(expression)
    for expression in (r"<img [^>]*?src=\"([^\"]+)", r"url\([\"']?([^\"')]+)", r"background=\"([^\"]+)")
)
_PIXEL = 3  # pixels: nobody sees an image that small
_SHOWN = 80  # characters


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield what a mailbox would fetch elsewhere, and images too small to be seen."""
    styles, addresses = _fetched(letter.rendered.html)
    for shown in styles:
        yield error("remote_font", shown=shown[:_SHOWN])
    for address in addresses:
        if letter.site and "//" in address and not address.startswith(f"{letter.site}/"):
            yield error("remote_image", shown=address[:_SHOWN])
    for where, image in letter.content.placed_images():
        picture = letter.pictures.get(image.src)
        if picture and min(picture.width, image.width or picture.width) <= _PIXEL:
            yield warning("pixel", where, src=image.src)


@lru_cache(maxsize=32)
def _fetched(page: str) -> tuple[list[str], list[str]]:
    """Return the styles and the addresses that a page has fetched, each once."""
    addresses = (address for expression in _LOADED for address in expression.findall(page))
    return list(dict.fromkeys(_STYLES.findall(page))), list(dict.fromkeys(addresses))
