"""Open the file of a picture, and refuse what is none, before it costs anything.  Pure."""

import io
import re
import struct
import warnings
from collections.abc import Iterator

from PIL import Image

# A decompression bomb: a few hundred bytes can decode to a picture that fills the memory.
MAX_PIXELS = 25_000_000
ENOUGH = 2560  # pixels wide: a JPEG that has more pixels than MAX_PIXELS is decoded at a fraction of its size
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error)  # as Pillow's readers raise them
_JPEGS = frozenset({"JPEG", "MPO"})  # MPO: two pictures in one, by phones
_DOUBLES = frozenset({144, 192})  # dots per inch: twice what a screen of macOS has, and one of Windows
_BARE_CHUNKS = frozenset({
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"sBIT", b"bKGD",
})  # fmt: skip
_PNG, _PNG_DEPTH = b"\x89PNG\r\n\x1a\n", 24  # how it begins; where it says its bits per colour
_JFIF, _ADOBE = (0xE0, 16), (0xEE, 14)  # segments that hold no thumbnail and no words: marker and length
_SCAN, _END = 0xDA, b"\xff\xd9"
_NO_PICTURES = (  # what people try, by how the file begins; the code of the sentence that says what to do
    (re.compile(rb"\s*%PDF-"), "pdf"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!--|!DOCTYPE svg|svg).*?(?:<svg|\Z)", re.DOTALL), "svg"),
    (re.compile(rb"....ftyp(?:hei[cfmsx]|hev[cmsx]|mif1|msf1|avi[fs])", re.DOTALL), "heic"),
    (re.compile(rb"II\*\0|MM\0\*|BM"), "tiff"),
    (re.compile(rb"PK\x03\x04|\xd0\xcf\x11\xe0"), "document"),
)
_HEAD = 1024  # bytes that are looked at


class BadImage(Exception):
    """Carry the code of what is wrong with an image: templates/words/issues.yaml says it."""


def decoded(body: bytes) -> Image.Image:
    """Return the picture of a file, decoded whole, since one cut short would be shown to everybody.

    Raises BadImage.
    """
    image = _opened(body)
    if image.width * image.height > MAX_PIXELS:
        _ask_for_less(image)
    try:
        moves = getattr(image, "is_animated", False) and image.format != "MPO"
        image.load()
    except UNREADABLE:
        raise BadImage("cut_short") from None
    if moves:
        raise BadImage("animation")
    return image


def is_double(image: Image.Image) -> bool:
    """Return whether its file says that it has two pixels for one of a screen."""
    dots: tuple[float, float] = image.info.get("dpi", (0, 0))
    return round(dots[0]) in _DOUBLES


def is_bare(body: bytes) -> bool:
    """Return whether a PNG or JPEG holds its picture alone: no camera, place, author, profile, thumbnail or
    anything after its end.  What cannot be told is not.
    """
    try:
        return _is_bare_png(body) if body.startswith(_PNG) else _is_bare_jpeg(body)
    except (struct.error, IndexError):
        return False


def _opened(body: bytes) -> Image.Image:
    if not body:
        raise BadImage("empty")
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return Image.open(io.BytesIO(body), formats=("PNG", "JPEG", "GIF", "WEBP"))
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise BadImage("too_many_pixels") from None
        except UNREADABLE:
            raise BadImage(_kind(body)) from None


def _kind(body: bytes) -> str:
    head = body[:_HEAD]
    return next((code for begins, code in _NO_PICTURES if begins.match(head)), "no_image")


def _ask_for_less(image: Image.Image) -> None:
    """Have a JPEG decoded at a half, a quarter or an eighth.  Raises BadImage.

    A progressive one would be in memory whole all the same.
    """
    if image.format in _JPEGS and not image.info.get("progressive"):
        image.draft(None, (ENOUGH, ENOUGH))
    if image.width * image.height > MAX_PIXELS:
        raise BadImage("too_many_pixels")


def _is_bare_png(body: bytes) -> bool:
    return body[_PNG_DEPTH] <= 8 and all(kind in _BARE_CHUNKS for kind in _chunks(body))


def _chunks(body: bytes) -> Iterator[bytes]:
    """Yield the kinds of a PNG's chunks, and what follows its end as one of no kind."""
    at = len(_PNG)
    while at < len(body):
        length, kind = struct.unpack_from(">I4s", body, at)
        yield kind
        at += 12 + length
        if kind == b"IEND" and at != len(body):
            yield b""
            return


def _is_bare_jpeg(body: bytes) -> bool:
    at = 2
    while (marker := body[at + 1]) != _SCAN:
        length = struct.unpack_from(">H", body, at + 2)[0]
        if _is_noted(marker) and (marker, length) not in (_JFIF, _ADOBE):
            return False
        at += 2 + length
    return body.find(_END, at) == len(body) - len(_END)


def _is_noted(marker: int) -> bool:
    """Return whether a segment is an application's (APPn) or a comment (COM)."""
    return 0xE0 <= marker <= 0xEF or marker == 0xFE
