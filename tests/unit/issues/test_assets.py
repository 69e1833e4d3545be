"""An image is taken for what it holds, and refused before it costs anything."""

import hashlib
import io
from itertools import product

import pytest
from PIL import Image

from mailer.issues import assets
from mailer.issues.assets import BadImage


def _made(kind: str, size: tuple[int, int] = (60, 40), **options: object) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 80).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "media_type", "ending"),
    [("PNG", "image/png", "png"), ("JPEG", "image/jpeg", "jpg"), ("GIF", "image/gif", "gif")],
)
def test_an_image_is_named_by_what_it_holds(kind: str, media_type: str, ending: str) -> None:
    body = _made(kind)
    asset = assets.read(body)
    assert (asset.media_type, asset.width, asset.height, asset.body) == (media_type, 60, 40, body)
    assert asset.name == f"{hashlib.sha256(body).hexdigest()}.{ending}"


def test_two_pictures_in_one_as_telephones_make_them_are_a_jpeg() -> None:
    body = _made("MPO", save_all=True, append_images=[Image.new("L", (60, 40))])
    assert assets.read(body).media_type == "image/jpeg"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_what_is_cut_short_or_damaged_is_refused_in_one_sentence(kind: str) -> None:
    whole = _made(kind)
    with pytest.raises(BadImage, match="no_image"):
        assets.read(whole[: len(whole) // 2])
    for place, value in product(range(80), (0, 1, 0x7F, 0xFF)):
        damaged = bytearray(whole)
        damaged[place] = value
        try:
            assets.read(bytes(damaged))
        except BadImage as error:
            assert str(error) in {"no_image", "too_many_pixels"}  # noqa: PT017


@pytest.mark.parametrize("side", [5_001, 10_000, 20_000])
def test_a_small_file_that_would_fill_the_memory_is_refused_undecoded(side: int) -> None:
    file = io.BytesIO()
    Image.new("1", (side, side)).save(file, "PNG")
    assert len(file.getvalue()) < assets.MAX_BYTES
    with pytest.raises(BadImage, match="too_many_pixels"):
        assets.read(file.getvalue())


@pytest.mark.parametrize("body", [_made("BMP"), _made("TIFF"), b"", b"<svg/>"])
def test_nothing_else_is_an_image(body: bytes) -> None:
    with pytest.raises(BadImage, match="no_image"):
        assets.read(body)


def test_a_heavy_file_is_refused() -> None:
    with pytest.raises(BadImage, match="too_big"):
        assets.read(_made("PNG") + bytes(assets.MAX_BYTES))


def _decoded(asset: assets.AssetFile) -> Image.Image:
    return Image.open(io.BytesIO(asset.body))


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "JPEG"])
def test_what_a_telephone_takes_is_made_small(kind: str) -> None:
    options = {"quality": 98} if kind == "JPEG" else {}
    file = io.BytesIO()
    Image.effect_noise((2000, 1461), 60).convert("RGB").save(file, kind, **options)
    assert assets.MAX_SENT < len(file.getvalue()) < assets.MAX_BYTES
    asset = assets.read(file.getvalue())
    assert asset.media_type == "image/jpeg"
    assert (asset.width, asset.height) == _decoded(asset).size == (1280, 935)
    assert len(asset.body) <= assets.MAX_SENT
    assert asset.sha256 == hashlib.sha256(asset.body).hexdigest()


def test_webp_is_written_as_every_mailbox_shows_it() -> None:
    drawn = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    drawn.paste((200, 0, 0, 255), (10, 10, 30, 30))
    file = io.BytesIO()
    drawn.save(file, "WEBP", lossless=True)
    asset = assets.read(file.getvalue())
    assert (asset.media_type, asset.width) == ("image/png", 60)
    assert _decoded(asset).convert("RGBA").getpixel((0, 0)) == (0, 0, 0, 0)


def test_a_picture_is_upright_and_tells_no_place() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[2] = (50.0, 37.0, 0.0)
    asset = assets.read(_made("JPEG", exif=exif))
    assert (asset.width, asset.height) == (40, 60)
    assert 0x8825 not in _decoded(asset).getexif()
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (50.0, 37.0, 0.0)
    assert 0x8825 not in _decoded(assets.read(_made("JPEG", exif=exif))).getexif()


@pytest.mark.parametrize(("kind", "code"), [("WEBP", "animation"), ("PNG", "animation"), ("GIF", None)])
def test_what_moves_is_a_gif(kind: str, code: str | None) -> None:
    body = _made(kind, save_all=True, append_images=[Image.new("L", (60, 40), shade) for shade in (1, 99)])
    if code is None:
        assert assets.read(body).body == body
        return
    with pytest.raises(BadImage, match=code):
        assets.read(body)


def test_a_heavy_animation_is_refused() -> None:
    frames = [Image.effect_noise((700, 700), 90 + each) for each in range(4)]
    body = io.BytesIO()
    frames[0].save(body, "GIF", save_all=True, append_images=frames[1:])
    assert len(body.getvalue()) > assets.MAX_SENT
    with pytest.raises(BadImage, match="too_big_animation"):
        assets.read(body.getvalue())
