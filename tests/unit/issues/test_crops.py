"""A part of a picture is chosen in numbers: edges, a ratio, and what stays in sight."""

from hypothesis import given
from hypothesis import strategies as st

from mailer.issues.crops import EDGES, LEAST, UNCUT, Crop, Focus, Ratio, box, load

_crops = st.builds(
    Crop, **{edge: st.integers(0, (100 - LEAST) // 2) for edge in EDGES},
    ratio=st.sampled_from(Ratio), focus=st.sampled_from(Focus),
)  # fmt: skip
_side = st.integers(1, 3000)


def test_what_is_cut_from_each_edge_is_told_in_per_cent() -> None:
    assert box(Crop(top=10, right=20, bottom=30, left=40), 1000, 500) == (400, 50, 800, 350)


def test_a_ratio_keeps_the_place_that_is_in_focus() -> None:
    assert box(Crop(ratio=Ratio.SQUARE), 1000, 500) == (250, 0, 750, 500)
    assert box(Crop(ratio=Ratio.SQUARE, focus=Focus.TOP_LEFT), 1000, 500) == (0, 0, 500, 500)
    assert box(Crop(ratio=Ratio.WIDE, focus=Focus.BOTTOM), 1600, 1600) == (0, 700, 1600, 1600)
    assert box(Crop(left=50, ratio=Ratio.LANDSCAPE, focus=Focus.RIGHT), 800, 300) == (400, 0, 800, 300)


@given(crop=_crops, width=_side, height=_side)
def test_any_crop_is_a_part_of_any_picture(crop: Crop, width: int, height: int) -> None:
    left, top, right, bottom = box(crop, width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


@given(crop=_crops)
def test_a_crop_is_kept_as_it_is(crop: Crop) -> None:
    assert load(crop.dump()) == crop
    assert crop.leaves_enough


def test_what_cuts_nothing_and_what_leaves_nothing() -> None:
    assert load(None) is UNCUT
    assert UNCUT.is_whole
    assert not Crop(ratio=Ratio.WIDE).is_whole
    assert Crop(left=45, right=45).leaves_enough
    assert not Crop(left=45, right=46).leaves_enough
