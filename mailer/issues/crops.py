"""Decide which part of a picture is shown, from numbers and names: nothing is dragged (WCAG 2.5.7).  Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

EDGES = ("top", "right", "bottom", "left")
LEAST = 10  # per cent of a side that are left


class Ratio(StrEnum):
    """Name the shapes that a picture can be cut to, width to height."""

    AS_IS = "as_is"
    WIDE = "16:9"
    LANDSCAPE = "4:3"
    SQUARE = "1:1"


class Focus(StrEnum):
    """Name the place that stays in sight: row, then column."""

    TOP_LEFT = "top-left"
    TOP = "top-center"
    TOP_RIGHT = "top-right"
    LEFT = "middle-left"
    CENTER = "middle-center"
    RIGHT = "middle-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM = "bottom-center"
    BOTTOM_RIGHT = "bottom-right"


_PLACES = {"top": 0.0, "left": 0.0, "middle": 0.5, "center": 0.5, "bottom": 1.0, "right": 1.0}


@dataclass(frozen=True)
class Crop:
    """Hold what is cut from each edge, in per cent of the picture; then the ratio, placed by the focus.

    It says nothing in pixels, so that it can be tried on another picture.
    """

    top: int = 0
    right: int = 0
    bottom: int = 0
    left: int = 0
    ratio: Ratio = Ratio.AS_IS
    focus: Focus = Focus.CENTER

    def dump(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @property
    def is_whole(self) -> bool:
        """Return whether it cuts nothing."""
        return self.ratio is Ratio.AS_IS and not (self.top or self.right or self.bottom or self.left)

    @property
    def leaves_enough(self) -> bool:
        """Return whether something is left between the edges."""
        return max(self.left + self.right, self.top + self.bottom) <= 100 - LEAST


UNCUT = Crop()


def load(values: Mapping[str, Any] | None) -> Crop:
    """Return what `dump` gave."""
    if values is None:
        return UNCUT
    edges = {name: int(values[name]) for name in EDGES}
    return Crop(**edges, ratio=Ratio(values["ratio"]), focus=Focus(values["focus"]))


def box(crop: Crop, width: int, height: int) -> tuple[int, int, int, int]:
    """Return the part that stays: left, top, right, bottom, in pixels; at least one each way."""
    left, top = round(width * crop.left / 100), round(height * crop.top / 100)
    wide = max(width - left - round(width * crop.right / 100), 1)
    high = max(height - top - round(height * crop.bottom / 100), 1)
    kept_wide, kept_high = _shaped(crop.ratio, wide, high)
    row, _, column = crop.focus.partition("-")
    left += round((wide - kept_wide) * _PLACES[column])
    top += round((high - kept_high) * _PLACES[row])
    return left, top, left + kept_wide, top + kept_high


def _shaped(ratio: Ratio, wide: int, high: int) -> tuple[int, int]:
    """Return the largest rectangle of that shape which is in one of this size."""
    if ratio is Ratio.AS_IS:
        return wide, high
    across, down = map(int, ratio.split(":"))
    return min(wide, max(round(high * across / down), 1)), min(high, max(round(wide * down / across), 1))
