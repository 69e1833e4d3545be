"""Check what a letter weighs: mailboxes cut long ones, and phones pay for images.  Pure."""

from collections.abc import Iterator

from mailer.issues.checks.letter import Letter
from mailer.issues.findings import Finding, error, warning

MAX_HTML = 90_000  # bytes; Gmail clips a message at 102 KB
MAX_IMAGES = 1_000_000  # bytes, of all of them


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield what is too heavy."""
    size = len(letter.rendered.html.encode())
    if size > MAX_HTML:
        yield too_heavy(size)
    if letter.image_bytes > MAX_IMAGES:
        yield warning("images_heavy", size=letter.image_bytes // 1000, limit=MAX_IMAGES // 1000)


def too_heavy(size: int) -> Finding:
    """Say that a letter of so many bytes is more than mailboxes show."""
    return error("too_heavy", size=size // 1000, limit=MAX_HTML // 1000)
