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
    sizes = {each.name: _size(each) for each in tmp_path.glob("*.webp")}
    assert set(sizes) == {
        f"rights-{act}{suffix}.webp" for act in ("restriction", "restricted") for suffix in camera.SIZES
    }
    for suffix, (width, height, most) in camera.SIZES.items():
        wide, high = sizes[f"rights-restricted{suffix}.webp"]
        assert wide == width
        assert height <= high <= most


def _size(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as opened:
        return opened.size
