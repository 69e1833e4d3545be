"""Read an image of an issue, and refuse one that may not be sent.  Pure."""

import hashlib
import io
import warnings
from dataclasses import dataclass

from PIL import Image

MAX_BYTES = 1_000_000
# A decompression bomb: a few hundred bytes can decode to an image that fills the memory.
MAX_PIXELS = 25_000_000
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "MPO": "image/jpeg"}  # MPO: by phones


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
    """Decode an image whole, since one cut short would be shown to everybody.  Raises BadImage."""
    if len(body) > MAX_BYTES:
        raise BadImage("too_big")
    image = _decoded(body)
    if image is None:
        raise BadImage("too_many_pixels")
    sha256, media_type = hashlib.sha256(body).hexdigest(), _TYPES[image.format or ""]
    return AssetFile(sha256, media_type, image.width, image.height, body)


def _decoded(body: bytes) -> Image.Image | None:
    """Return the decoded image, None when it has too many pixels.  Raises BadImage."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(io.BytesIO(body), formats=("PNG", "JPEG", "GIF"))
            if image.width * image.height > MAX_PIXELS:
                return None
            image.load()
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            return None
        except (OSError, SyntaxError, ValueError, EOFError):  # as Pillow's readers raise them
            raise BadImage("no_image") from None
    return image
