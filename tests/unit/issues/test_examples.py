"""The example issues: they load as they stand, show every kind of block, and leave no picture unsaid."""

from pathlib import Path

import pytest

from mailer.core.paths import templates_dir
from mailer.issues.blocks import KINDS, Content
from mailer.issues.yaml_file import load

EXAMPLES = templates_dir() / "examples"
FILES = (EXAMPLES / "lettre" / "lettre.yaml", EXAMPLES / "letter-en" / "letter.yaml")
MAX_IMAGE = 60_000  # bytes; a letter's pictures are read on phones
each = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def _kinds(content: Content) -> set[str]:
    return {block.kind for block in content.blocks}


@each
def test_it_loads_with_its_images_and_says_it_is_a_demonstration(file: Path) -> None:
    content, assets = load(file)
    assert content.demonstration
    assert set(assets) == {image.src for image in content.images()}


def test_they_are_all_tested() -> None:
    assert set(EXAMPLES.glob("*/*.yaml")) == set(FILES)


def test_one_is_in_each_language() -> None:
    assert [load(file)[0].locale for file in FILES] == ["fr", "en"]


def test_together_they_use_every_kind_of_block() -> None:
    assert set().union(*(_kinds(load(file)[0]) for file in FILES)) == set(KINDS)


def test_the_english_one_shows_every_kind_by_itself() -> None:
    assert _kinds(load(FILES[1])[0]) == set(KINDS)


@each
def test_every_image_has_words_or_is_decorative(file: Path) -> None:
    images = load(file)[0].images()
    assert images
    assert all(bool(image.alt) != image.decorative for image in images)


@each
def test_its_images_are_light(file: Path) -> None:
    heavy = {src: len(asset.body) for src, asset in load(file)[1].items() if len(asset.body) > MAX_IMAGE}
    assert heavy == {}
