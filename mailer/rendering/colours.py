"""Find a colour near another that is read on what it stands on (WCAG 2.2, 1.4.3).  Pure.

A colour is #rrggbb.
"""

import colorsys
import re
from collections.abc import Iterable

from mailer.rendering.contrast import ENOUGH, ratio

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_STEPS = 255  # of lightness


def is_colour(text: str) -> bool:
    """Return whether this is a colour as we keep it: #, then six digits or small letters a to f."""
    return _COLOUR.fullmatch(text) is not None


def least(colour: str, beside: Iterable[str]) -> float:
    """Return the contrast with the one of these colours that it differs least from."""
    return min(ratio(colour, each) for each in beside)


def nearest(colour: str, beside: Iterable[str], *, at_least: float = ENOUGH) -> str:
    """Return the colour of the same hue and the nearest lightness that is read on, or under, all of these."""
    others = tuple(beside)
    for step in range(_STEPS + 1):
        for change in (-step / _STEPS, step / _STEPS):
            near = shifted(colour, change)
            if least(near, others) >= at_least:
                return near
    return colour


def shifted(colour: str, change: float) -> str:
    """Return the same colour lighter, or darker where the change of its lightness (-1 to 1) is negative."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_parts(colour))
    return _written(colorsys.hls_to_rgb(hue, min(1.0, max(0.0, lightness + change)), saturation))


def mixed(colour: str, ground: str, share: float) -> str:
    """Return a colour laid thinly over a ground: 0 is the ground alone, 1 the colour."""
    pairs = zip(_parts(colour), _parts(ground), strict=True)
    return _written(tuple(above * share + below * (1 - share) for above, below in pairs))


def _parts(colour: str) -> tuple[float, float, float]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red / 255, green / 255, blue / 255


def _written(parts: tuple[float, ...]) -> str:
    return "#" + bytes(round(part * 255) for part in parts).hex()
