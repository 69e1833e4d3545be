"""An image is taken for what it holds, made fit for a letter, and refused before it costs anything."""

import hashlib
import io
from itertools import product
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

from mailer.core.i18n import LOCALES, words
from mailer.issues import assets
from mailer.issues.assets import BadImage
from mailer.issues.crops import Crop, Ratio
from mailer.issues.image_file import is_bare

PLACE, ORIENTATION, CAMERA = 0x8825, 0x0112, 0x0110
ABOUT = (50.0, 37.0, 0.0)


def _file(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _noise(size: tuple[int, int] = (60, 40)) -> Image.Image:
    return Image.effect_noise(size, 80)


def _drawing(size: tuple[int, int] = (60, 40)) -> Image.Image:
    """A red field with a blue half at its left."""
    image = Image.new("RGB", size, (200, 30, 30))
    image.paste((20, 20, 180), (0, 0, size[0] // 2, size[1]))
    return image


def _decoded(asset: assets.AssetFile) -> Image.Image:
    return Image.open(io.BytesIO(asset.body))


def _refusal(body: bytes) -> str:
    with pytest.raises(BadImage) as refused:
        assets.read(body)
    for locale in LOCALES:
        assert words("issues", locale)["faults"][str(refused.value)]
    return str(refused.value)


def _close(one: Any, other: tuple[int, ...], by: int = 12) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("kind", "media_type", "ending"), [("PNG", "image/png", "png"), ("JPEG", "image/jpeg", "jpg")]
)
def test_a_picture_that_holds_nothing_else_stays_as_it_is(kind: str, media_type: str, ending: str) -> None:
    body = _file(_noise(), kind)
    asset = assets.read(body)
    assert (asset.media_type, asset.width, asset.height, asset.body) == (media_type, 60, 40, body)
    assert asset.name == f"{hashlib.sha256(body).hexdigest()}.{ending}"


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_png_or_jpeg_comes_out(kind: str) -> None:
    asset = assets.read(_file(_drawing(), kind))
    assert asset.media_type in {"image/png", "image/jpeg"}
    assert _close(_decoded(asset).convert("RGB").getpixel((50, 20)), (200, 30, 30))


def test_two_pictures_in_one_as_telephones_make_them_are_a_jpeg() -> None:
    body = _file(_noise(), "MPO", save_all=True, append_images=[Image.new("L", (60, 40))])
    asset = assets.read(body)
    assert (asset.media_type, _decoded(asset).format) == ("image/jpeg", "JPEG")


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "JPEG"])
def test_what_a_telephone_takes_is_made_small(kind: str) -> None:
    options = {"quality": 98} if kind == "JPEG" else {}
    body = _file(Image.effect_noise((2000, 1461), 60).convert("RGB"), kind, **options)
    assert assets.MAX_SENT < len(body) < assets.MAX_BYTES
    asset = assets.read(body)
    assert asset.media_type == "image/jpeg"
    assert (asset.width, asset.height) == _decoded(asset).size == (1280, 935)
    assert len(asset.body) <= assets.MAX_SENT
    assert asset.sha256 == hashlib.sha256(asset.body).hexdigest()


def test_what_crops_are_cut_from_is_finer_than_what_is_shown() -> None:
    source = assets.original(_file(Image.effect_noise((4000, 3000), 20), "JPEG", quality=60))
    assert (source.width, source.height, source.original) == (2560, 1920, None)
    part = assets.cut(source, Crop(left=50))
    assert (part.width, part.height, part.original) == (1280, 1920, source.sha256)


def test_webp_is_written_as_every_mailbox_shows_it() -> None:
    drawn = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    drawn.paste((200, 0, 0, 255), (10, 10, 30, 30))
    asset = assets.read(_file(drawn, "WEBP", lossless=True))
    assert (asset.media_type, asset.width) == ("image/png", 60)
    assert _decoded(asset).convert("RGBA").getpixel((0, 0)) == (0, 0, 0, 0)


# -- what a file tells besides its picture ----------------------------------------------


def _tells_much() -> Image.Exif:
    exif = Image.Exif()
    exif[CAMERA] = "MARKER-camera"
    exif.get_ifd(PLACE)[2] = ABOUT
    return exif


def test_a_picture_is_upright_and_tells_nothing() -> None:
    exif = _tells_much()
    exif[ORIENTATION] = 6  # its left is at the top
    asset = assets.read(_file(_drawing(), "JPEG", exif=exif, quality=95))
    assert (asset.width, asset.height) == (40, 60)
    assert _close(_decoded(asset).getpixel((20, 5)), (20, 20, 180), by=25)
    assert not _decoded(asset).getexif()
    assert b"MARKER" not in asset.body


def _with_words() -> bytes:
    told = PngImagePlugin.PngInfo()
    told.add_text("Author", "MARKER of somebody")
    return _file(_noise(), "PNG", pnginfo=told)


@pytest.mark.parametrize(
    "body",
    [
        _file(_noise(), "JPEG", exif=_tells_much()),
        _file(_noise(), "JPEG", comment=b"MARKER"),
        _file(_noise(), "JPEG", xmp=b"<x:xmpmeta>MARKER</x:xmpmeta>"),
        _with_words(),
        _file(_noise(), "PNG", exif=_tells_much()),
        _file(_noise(), "PNG") + b"MARKER <script>",
        _file(_noise(), "JPEG") + b"MARKER PK\x03\x04\xff\xd9",
    ],
    ids=["exif", "comment", "xmp", "png-text", "png-exif", "after-png", "after-jpeg"],
)
def test_what_a_file_holds_besides_its_picture_goes(body: bytes) -> None:
    assert b"MARKER" in body
    assert not is_bare(body)
    asset = assets.read(body)
    assert b"MARKER" not in asset.body
    assert is_bare(asset.body)


def test_a_notice_that_cannot_be_read_does_no_harm() -> None:
    assert not is_bare(assets.read(_file(_noise(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff")).body + b"x")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_what_was_made_is_never_made_again(kind: str, mode: str) -> None:
    """An exported issue imports again with the same bytes, and a picture does not fade on its way."""
    if (kind, mode) == ("JPEG", "RGBA"):
        return
    once = assets.read(_file(Image.effect_noise((1300, 400), 30).convert(mode), kind))
    assert assets.read(once.body) == once


# -- colours ----------------------------------------------------------------------------


def test_a_cmyk_jpeg_is_shown_in_the_colours_of_screens() -> None:
    asset = assets.read(_file(_drawing().convert("CMYK"), "JPEG", quality=95))
    assert _decoded(asset).mode == "RGB"
    assert _close(_decoded(asset).getpixel((50, 20)), (200, 30, 30), by=25)


def test_sixteen_bits_become_the_eight_highest() -> None:
    grey = Image.new("I;16", (60, 40), 0x8000)
    asset = assets.read(_file(grey, "PNG"))
    assert _close(_decoded(asset).convert("RGB").getpixel((5, 5)), (128, 128, 128), by=1)


def test_a_palette_keeps_what_one_sees_through() -> None:
    drawn = Image.new("P", (60, 40), 0)
    drawn.putpalette([255, 0, 255, 0, 128, 0])
    drawn.paste(1, (20, 10, 40, 30))
    body = _file(drawn, "PNG", transparency=0)
    for source in (body, body + b"after"):  # as it is, and made again
        shown = _decoded(assets.read(source)).convert("RGBA")
        assert shown.getchannel("A").getpixel((0, 0)) == 0
        assert shown.getpixel((30, 20)) == (0, 128, 0, 255)


def test_a_colour_profile_is_applied_and_taken_out() -> None:
    """Mailboxes that know no profiles would show its colours wrong."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    assert assets.read(_file(_drawing(), "PNG", icc_profile=b"no profile")).media_type == "image/png"
    assert assets.read(_file(_drawing(), "PNG", icc_profile=lab)).media_type == "image/png"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    asset = assets.read(_file(_drawing(), "PNG", icc_profile=srgb))
    assert "icc_profile" not in _decoded(asset).info
    assert _close(_decoded(asset).convert("RGB").getpixel((50, 20)), (200, 30, 30), by=2)


# -- twice as fine -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize(
    ("dots", "double"), [(72, False), (96, False), (144, True), (192, True), (300, False)]
)
def test_a_picture_for_fine_screens_is_known_by_its_dots(kind: str, dots: int, double: bool) -> None:
    plain = _file(_noise(), kind, dpi=(dots, dots))
    told = _file(Image.linear_gradient("L").resize((1600, 900)), kind, dpi=(dots, dots), exif=_tells_much())
    assert [assets.read(body).double for body in (plain, told)] == [double, double]
    assert assets.read(assets.read(told).body).double is double
    assert assets.cut(assets.original(told), Crop(ratio=Ratio.SQUARE)).double is double


# -- what is no picture ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"),
        (b"%PDF-1.7\n%...", "pdf"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- drawn -->\n<svg/>", "svg"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "heic"),
        (_file(_noise(), "TIFF"), "tiff"),
        (_file(_noise(), "BMP"), "tiff"),
        (b"PK\x03\x04word/document.xml", "document"),
        (b"<html>no picture</html>", "no_image"),
        (b"\x89PNG\r\n\x1a\n", "no_image"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(body: bytes, code: str) -> None:
    assert _refusal(body) == code


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_what_is_cut_short_or_damaged_is_refused_in_one_sentence(kind: str) -> None:
    whole = _file(_noise((120, 90)), kind)
    assert _refusal(whole[: len(whole) // 2]) in {"cut_short", "no_image"}
    for place, value in product(range(80), (0, 1, 0x7F, 0xFF)):
        damaged = bytearray(whole)
        damaged[place] = value
        try:
            assets.read(bytes(damaged))
        except BadImage as error:
            assert str(error) in {"cut_short", "no_image", "too_many_pixels", "tiff"}  # noqa: PT017


@pytest.mark.parametrize("side", [5_001, 10_000, 20_000])
def test_a_small_file_that_would_fill_the_memory_is_refused_undecoded(side: int) -> None:
    body = _file(Image.new("1", (side, side)), "PNG")
    assert len(body) < assets.MAX_BYTES
    assert _refusal(body) == "too_many_pixels"


def test_a_photograph_of_forty_megapixels_is_made_small() -> None:
    photo = Image.new("RGB", (7300, 5500), (90, 120, 150))
    ImageDraw.Draw(photo).rectangle((0, 0, 3650, 5500), fill=(200, 30, 30))
    body = _file(photo, "JPEG", quality=70)
    asset = assets.read(body)
    assert (asset.width, asset.height) == (1280, 965)
    assert _close(_decoded(asset).convert("RGB").getpixel((100, 400)), (200, 30, 30))
    assert _refusal(_file(photo, "JPEG", progressive=True)) == "too_many_pixels"


def test_a_heavy_file_is_refused() -> None:
    assert _refusal(_file(_noise(), "PNG") + bytes(assets.MAX_BYTES)) == "too_big"


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "GIF"])
def test_what_moves_is_refused(kind: str) -> None:
    """Nobody can stop it in a mail (RGAA 13.8)."""
    frames = [Image.effect_noise((700, 700), 90 + each) for each in range(4)]
    body = _file(frames[0], kind, save_all=True, append_images=frames[1:])
    assert _refusal(body) == "animation"
