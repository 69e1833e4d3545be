"""`make pages`, for a few of them."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.architecture.test_gallery import ROOT
from tests.gallery import camera
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.browser


def test_a_few_pages_are_photographed(tmp_path: Path) -> None:
    if camera.CHROMIUM is None:
        pytest.skip("no Chromium is installed: no page was photographed")
    command = [sys.executable, "-m", "tests.gallery", "--only", "rights-restrict", "--to", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True, timeout=PATIENCE)
    taken = {each.stem: each for each in tmp_path.glob("*.png")}
    assert set(taken) == {
        camera.name_of(f"rights-{act}", width, scheme)
        for act in ("restriction", "restricted") for width in camera.WIDTHS for scheme in camera.SCHEMES
    }  # fmt: skip
    for width, height in camera.WIDTHS.items():
        wide, high = _size(taken[camera.name_of("rights-restricted", width, "dark")])
        assert wide == width
        assert height <= high
    light, dark = (_ground(taken[camera.name_of("rights-restricted", 390, each)]) for each in camera.SCHEMES)
    assert light > 200
    assert dark < 50


def _size(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as opened:
        return opened.size


def _ground(picture: Path) -> int:
    """Return how light its top left corner is, from 0 to 255."""
    with Image.open(picture) as opened:
        ground = opened.convert("L").getpixel((1, 1))
    assert isinstance(ground, int)
    return ground
