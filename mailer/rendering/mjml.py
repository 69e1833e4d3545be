"""Compile MJML to HTML: validate it, then compile it in a child process.  Pure but for that process.

mjml-python validates nothing (unknown tags pass, unknown attributes vanish), raises a PanicException on a few
broken inputs and crashes the whole process on deeply nested ones.  So what an author can influence is checked
here, and compiled in a process of its own (mjml_process.py).
"""

import hashlib
import re
import unicodedata
from functools import lru_cache
from xml.etree import ElementTree

from mailer.rendering.merge_fields import HOLE, marker
from mailer.rendering.mjml_process import COMPILER, CompilerFailed

TAGS = frozenset({
    "mjml", "mj-head", "mj-title", "mj-preview", "mj-attributes", "mj-all", "mj-text", "mj-style", "mj-body",
    "mj-section", "mj-column", "mj-image", "mj-button", "mj-divider", "mj-spacer", "mj-wrapper",
    "mj-breakpoint", "mj-raw",
})  # fmt: skip
MAX_BYTES = 400_000
MAX_DEPTH = 100
CHARACTERS = 1024  # of what is written with, kept with what becomes of each
_NOT_PLAIN = re.compile(r"[^\x00-\x5b\x5d-\x7f]")  # neither ASCII nor, of it, the backslash
# After a preheader: a mailbox with room left shows this, which is nothing, and not the mail's next words.
PREVIEW_FILLER = "\u034f\u200c\u00a0" * 90


class MjmlError(Exception):
    """Say that the source is not MJML that can be sent; the message says what and where."""


class MjmlTooLarge(MjmlError):
    """Say that the letter is too large to be made at all; `size` in bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"more than {MAX_BYTES // 1000} KB of MJML")


def compile_mjml(source: str) -> str:
    """Return the HTML of an MJML source.  Raises MjmlError."""
    _validate(source)
    try:
        return COMPILER.compile(_escaped(source))
    except CompilerFailed as error:
        raise MjmlError(f"MJML could not be compiled: {error}") from None


def compile_holes(source: str) -> str:
    """Return the HTML of an MJML source, with its merge markers in place.  Raises MjmlError.

    The compiler escapes private-use characters in attributes, so each marker is replaced by a word meanwhile.
    The word contains the hash of the source, which no author can have written in it.
    """
    placeholder = hashlib.sha256(source.encode()).hexdigest()[:24]
    page = compile_mjml(re.sub(HOLE, rf"{placeholder}\1-", source))
    return re.sub(rf"{placeholder}([a-z_]+(?:\.[0-9a-f]+)?)-", lambda match: marker(match[1]), page)


def _escaped(source: str) -> str:
    """Return the same source, with character references for what the compiler would corrupt in an
    attribute.

    It writes attributes as Rust's Debug does: a no-break space comes out as \\u{a0}.
    """
    return _NOT_PLAIN.sub(lambda found: _reference(found[0]), source)


@lru_cache(maxsize=CHARACTERS)
def _reference(character: str) -> str:
    survives = character <= "\uffff" and unicodedata.category(character)[0] in "LNPS"
    return character if survives and character != "\\" else f"&#{ord(character)};"


def _validate(source: str) -> None:
    if (size := len(source.encode())) > MAX_BYTES:
        raise MjmlTooLarge(size)
    try:
        root = ElementTree.fromstring(source)  # noqa: S314 -- no DTD can be in it: authors' text is escaped
    except ElementTree.ParseError as error:
        raise MjmlError(f"not well-formed: {error}") from error
    _walk(root, 1)


def _walk(element: ElementTree.Element, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise MjmlError(f"nested deeper than {MAX_DEPTH}")
    if element.tag.startswith("mj") and element.tag not in TAGS:
        raise MjmlError(f"unknown tag {element.tag}")
    for child in element:
        _walk(child, depth + 1)
