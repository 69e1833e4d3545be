"""Make of a picture's file what a letter shows: upright, light, in plain colours, and no more.  Pure."""

import hashlib
import io
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image, ImageCms, ImageOps

from mailer.issues import crops
from mailer.issues.crops import UNCUT, Crop
from mailer.issues.image_file import ENOUGH, UNREADABLE, BadImage, decoded, is_bare, is_double

__all__ = ("MAX_BYTES", "AssetFile", "BadImage", "cut", "original", "read")

MAX_BYTES = 10_000_000  # at the door: what a telephone takes
MAX_SENT = 1_000_000  # as it is stored and shown
SMALL = 300_000  # below, a picture that is no wider than WIDEST stays as it is, byte for byte
WIDEST = 1280  # pixels: twice the letter, for fine screens
MAX_ORIGINAL = 3_000_000  # of what later crops are cut from, ENOUGH pixels wide
QUALITY, FINE = 82, 90
GAIN = 1.25  # times lighter has to be a copy that is no smaller: each one of a JPEG is worse
DOUBLE = (144, 144)  # dots per inch, written into what is twice as fine as it is shown
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}
_PLAIN = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})  # the modes that every mailbox shows alike
_SRGB = ImageCms.createProfile("sRGB")


@dataclass(frozen=True)
class AssetFile:
    """Hold an image, named by its hash; `original`: that of the image which it was cut from, or made of."""

    sha256: str
    media_type: str
    width: int
    height: int
    body: bytes = field(repr=False)
    double: bool = False  # it has two pixels for one that is shown
    original: str | None = None
    crop: Crop = UNCUT

    @property
    def name(self) -> str:
        return f"{self.sha256}.{self.media_type.partition('/')[2].replace('jpeg', 'jpg')}"


@dataclass(frozen=True)
class _Size:
    """Hold how a picture is written: pixels at most, and the quality of a JPEG."""

    widest: int
    quality: int


_SHOWN, _ORIGINAL = _Size(WIDEST, QUALITY), _Size(ENOUGH, FINE)


def read(body: bytes) -> AssetFile:
    """Return what a letter shows of a file, and nothing of where it comes from.  Raises BadImage."""
    return replace(cut(original(body)), original=None)


def original(body: bytes) -> AssetFile:
    """Return a picture from which crops can be cut, 2560 pixels wide at most.  Raises BadImage.

    One that holds nothing but itself stays as it is, byte for byte; any other is written anew, as PNG or
    JPEG, upright, in sRGB, and without what its camera noted.
    """
    if len(body) > MAX_BYTES:
        raise BadImage("too_big")
    image = decoded(body)
    if _is_plain(image, body) and image.width <= ENOUGH and len(body) <= MAX_ORIGINAL:
        return _asset(image.format or "", image, body, is_double(image))
    lossy = image.format not in ("PNG", "GIF", "WEBP")
    return _written(_upright(image), _ORIGINAL, double=is_double(image), lossy=lossy)


def cut(source: AssetFile, crop: Crop = UNCUT) -> AssetFile:
    """Return the part of an original that a letter shows: 1280 pixels wide and 1 MB at most.

    Raises BadImage.
    """
    if crop.is_whole and source.width <= WIDEST and len(source.body) <= SMALL:
        return source
    picture = _upright(decoded(source.body))
    part = picture if crop.is_whole else picture.crop(crops.box(crop, picture.width, picture.height))
    made = _written(part, _SHOWN, double=source.double, lossy=source.media_type == _TYPES["JPEG"])
    if crop.is_whole and source.width <= WIDEST and len(source.body) <= min(len(made.body) * GAIN, MAX_SENT):
        return source
    if len(made.body) > MAX_SENT:
        raise BadImage("still_too_big")
    return replace(made, original=source.sha256, crop=crop)


def _is_plain(image: Image.Image, body: bytes) -> bool:
    return image.format in _TYPES and image.mode in _PLAIN and is_bare(body)


def _upright(image: Image.Image) -> Image.Image:
    """Return it as its camera was held, in the colours of screens: RGB, or RGBA where one sees through."""
    try:
        turned = ImageOps.exif_transpose(image)
    except UNREADABLE:  # what its camera noted cannot be read
        turned = image
    return _in_srgb(_eight_bits(turned))


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture of 16 bits with its 8 highest: Pillow would make white of nearly all of it."""
    if not image.mode.startswith("I"):
        return image
    return image.point(lambda value: value / 256).convert("L")


def _in_srgb(image: Image.Image) -> Image.Image:
    mode = "RGBA" if image.has_transparency_data else "RGB"
    profile = image.info.get("icc_profile")
    painted = image.convert(mode) if image.mode == "P" else image
    if profile:
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(painted, own, _SRGB, outputMode=mode) or painted
        except (ImageCms.PyCMSError, *UNREADABLE):  # a profile of another kind, or a damaged one
            pass
    return painted.convert(mode)


def _written(image: Image.Image, size: _Size, *, double: bool, lossy: bool) -> AssetFile:
    """Reduce a picture, and write it as light as can be; `lossy`: of a JPEG, a PNG could only be heavier."""
    image.thumbnail((size.widest, image.height))
    dots = {"dpi": DOUBLE} if double else {}
    if image.mode == "RGBA":
        return _asset("PNG", image, _clear(image, dots), double)
    jpeg = _encoded(image, "JPEG", quality=size.quality, optimize=True, progressive=True, **dots)
    png = b"" if lossy else _encoded(image, "PNG", **dots)
    kind, body = ("PNG", png) if png and len(png) <= len(jpeg) else ("JPEG", jpeg)
    return _asset(kind, image, body, double)


def _clear(image: Image.Image, dots: dict[str, Any]) -> bytes:
    """Return the PNG of a picture one sees through; of fewer colours, when it would be heavy."""
    png = _encoded(image, "PNG", **dots)
    if len(png) <= SMALL:
        return png
    return _encoded(image.quantize(256, method=Image.Quantize.FASTOCTREE), "PNG", **dots)


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    image.info = {}  # Pillow would write some of it
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _asset(kind: str, image: Image.Image, body: bytes, double: bool) -> AssetFile:
    sha256 = hashlib.sha256(body).hexdigest()
    return AssetFile(sha256, _TYPES[kind], image.width, image.height, body, double)
