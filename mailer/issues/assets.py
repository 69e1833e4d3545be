"""Read an image of an issue, make it small, and refuse one that may not be sent.  Pure."""

import hashlib
import io
import struct
import warnings
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageOps

MAX_BYTES = 10_000_000  # at the door: what a telephone takes
MAX_SENT = 1_000_000  # as it is stored and shown
SMALL = 300_000  # below, a picture that is no wider than WIDEST stays as it is, byte for byte
# A decompression bomb: a few hundred bytes can decode to an image that fills the memory.
MAX_PIXELS = 25_000_000
WIDEST = 1280  # pixels: twice the letter, for fine screens
QUALITY = 82
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "MPO": "image/jpeg"}  # MPO: by phones
_ROTATED = 0x0112  # the EXIF tag of a picture's orientation
_PLACE = 0x8825  # that of where it was taken


class BadImage(Exception):
    """Carry the code of what is wrong with an image: templates/words/issues.yaml says it."""


@dataclass(frozen=True)
class AssetFile:
    """Hold an image, named by its hash."""

    sha256: str
    media_type: str
    width: int
    height: int
    body: bytes

    @property
    def name(self) -> str:
        return f"{self.sha256}.{self.media_type.partition('/')[2].replace('jpeg', 'jpg')}"


def read(body: bytes) -> AssetFile:
    """Decode an image whole, since one cut short would be shown to everybody, and make it fit for a letter.

    A picture that is wide, heavy, turned by its EXIF data or in WebP is written anew, upright, 1280 pixels
    wide at most, without what its camera noted.  Raises BadImage.
    """
    if len(body) > MAX_BYTES:
        raise BadImage("too_big")
    image = _decoded(body)
    if image is None:
        raise BadImage("too_many_pixels")
    kind = image.format or ""
    if not _is_fit(image, body):
        kind, image, body = _made_fit(image)
    if len(body) > MAX_SENT:
        raise BadImage("still_too_big")
    sha256, media_type = hashlib.sha256(body).hexdigest(), _TYPES[kind]
    return AssetFile(sha256, media_type, image.width, image.height, body)


def _is_fit(image: Image.Image, body: bytes) -> bool:
    """Return whether it can be sent as it is; an animation is never touched."""
    if getattr(image, "is_animated", False) and image.format != "MPO":
        if image.format != "GIF":
            raise BadImage("animation")
        if len(body) > MAX_SENT:
            raise BadImage("too_big_animation")
        return True
    noted = _noted(image)
    tells = noted is None or noted.get(_ROTATED, 1) != 1 or _PLACE in noted
    return image.format in _TYPES and image.width <= WIDEST and len(body) <= SMALL and not tells


def _noted(image: Image.Image) -> Image.Exif | None:
    """Return what the camera noted, None when it cannot be read."""
    try:
        return image.getexif()
    except (OSError, SyntaxError, ValueError, EOFError, struct.error):
        return None


def _made_fit(image: Image.Image) -> tuple[str, Image.Image, bytes]:
    """Return the kind, the picture and the bytes of a copy that is light enough, or as light as can be."""
    upright = ImageOps.exif_transpose(image) if _noted(image) else image
    clear = upright.has_transparency_data
    small = upright.convert("RGBA" if clear else "RGB")
    small.thumbnail((WIDEST, MAX_PIXELS))
    kept = {"icc_profile": image.info.get("icc_profile")} if image.mode == small.mode else {}
    png = _written(small, "PNG", optimize=True, **kept)
    if not clear:
        jpeg = _written(small, "JPEG", quality=QUALITY, optimize=True, progressive=True, **kept)
        return ("PNG", small, png) if len(png) <= len(jpeg) else ("JPEG", small, jpeg)
    if len(png) > SMALL:
        png = _written(small.quantize(256, method=Image.Quantize.FASTOCTREE), "PNG", optimize=True)
    return "PNG", small, png


def _written(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _decoded(body: bytes) -> Image.Image | None:
    """Return the decoded image, None when it has too many pixels.  Raises BadImage."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(io.BytesIO(body), formats=("PNG", "JPEG", "GIF", "WEBP"))
            if image.width * image.height > MAX_PIXELS:
                return None
            image.load()
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            return None
        except (OSError, SyntaxError, ValueError, EOFError):  # as Pillow's readers raise them
            raise BadImage("no_image") from None
    return image
