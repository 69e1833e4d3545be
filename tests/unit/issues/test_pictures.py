"""What is said of a picture tells what it shows, and a picture for fine screens is shown at half."""

import pytest

from mailer.issues.blocks import Image
from mailer.issues.findings import Finding
from mailer.issues.pictures import Picture, alt_fault, block_faults, plain_name, shown_width
from mailer.issues.stored_images import short_name


@pytest.mark.parametrize(
    "alt",
    [
        "image", "Une image.", "PHOTO", "photo 12", "Logo", "le logo", "IMG_1234", "DSC00012",
        "capture d’écran", "Capture d’écran 2026-11-29", "screenshot", "Untitled", "Portrait",
    ],
)  # fmt: skip
def test_a_word_that_names_its_kind_tells_nothing(alt: str) -> None:
    assert alt_fault(alt, "images/ecole.png") == "alt_useless"


@pytest.mark.parametrize("alt", ["ecole.png", "Notre école.JPG", "ecole", "École", "plan-du-site"])
def test_the_name_of_a_file_tells_nothing(alt: str) -> None:
    assert alt_fault(alt, f"images/{'plan-du-site' if '-' in alt else 'ecole'}.png") == "alt_is_name"


@pytest.mark.parametrize(
    "alt",
    [
        "Deux élèves devant une machine-outil.", "Le logo de la région, une fleur bleue.", "Lille",
        "La mairie.", "L’école du village en hiver.", "Photographie : l’affiche de l’exposition.",
    ],
)  # fmt: skip
def test_words_that_tell_what_is_there_are_taken(alt: str) -> None:
    assert alt_fault(alt, "images/l-ecole-du-village-en-hiver.png") is None


def test_what_is_decorative_says_nothing() -> None:
    alone = {"image": {"src": "images/a.png", "decorative": True}, "portrait": {"src": "images/photo.png"}}
    assert block_faults(alone, ("image", "portrait")) == []
    found = block_faults({"portrait": {"src": "images/a.png", "alt": "photo"}}, ("image", "portrait"))
    assert [(fault.level, fault.where) for fault in found] == [("error", "portrait")]
    assert isinstance(found[0], Finding)


@pytest.mark.parametrize(
    ("src", "asked", "double", "shown"),
    [
        ("images/a.png", None, False, 800),
        ("images/a@2x.png", None, False, 400),
        ("images/a.png", None, True, 400),
        ("images/a@2x.png", None, True, 400),
        ("images/a.png", 600, True, 600),
        ("images/a.png", 640, False, 640),
    ],
)
def test_a_picture_for_fine_screens_is_shown_at_half(
    src: str, asked: int | None, double: bool, shown: int
) -> None:
    image = Image(src=src, decorative=True, width=asked)
    assert shown_width(image, Picture("https://example.org/a.png", 800, double)) == shown


def test_names_of_files_hold_no_folder() -> None:
    assert plain_name("C:\\photos\\L’Été à Lille (1).JPG") == "l-ete-a-lille-1"
    assert short_name("C:\\photos\\Été à\n Lille.JPG") == "Été à Lille.JPG"
    assert short_name("../../etc/passwd") == "passwd"
    assert short_name("place\0\u202egpj.exe") == "placegpj.exe"
