"""Give the colours and fonts of a theme, and those that a newsletter's own two colours make of it."""

from functools import cache, lru_cache

import yaml

from mailer.core.paths import templates_dir
from mailer.rendering import colours
from mailer.rendering.contrast import ENOUGH

OWN_COLOURS = frozenset({"neutral"})  # the themes in which a newsletter may choose: the State's has its own
_TINT, _DARK_TINT = 0.06, 0.12  # how much of the accent is in a tinted ground
_COMFORT = 7.0  # the contrast of the accent in dark mail


@cache
def theme(name: str) -> dict[str, str]:
    """Return the colours and the font of a theme."""
    text = (templates_dir() / "issue" / "themes" / f"{name}.yaml").read_text(encoding="utf-8")
    tokens: dict[str, str] = yaml.safe_load(text)
    return tokens


@lru_cache(maxsize=200)
def palette(name: str, accent: str = "", ground: str = "") -> dict[str, str]:
    """Return a theme with a newsletter's accent and ground (#rrggbb, "" for the theme's own).

    In dark mail the accent is made light enough by itself, and the ground stays the theme's.
    """
    tokens = dict(theme(name))
    if name not in OWN_COLOURS:
        return tokens
    if ground:
        tokens["page"] = ground
    if accent:
        tokens |= _accented(accent, tokens)
    return tokens


def under_accent(accent: str) -> tuple[str, ...]:
    """Return the grounds that text in the accent stands on, and what is written on the accent itself."""
    tokens = theme("neutral")
    return tokens["card"], colours.mixed(accent, tokens["card"], _TINT), tokens["on_accent"]


def on_ground() -> tuple[str, ...]:
    """Return the colours of what is written on the ground itself."""
    return (theme("neutral")["muted"],)


def readable_accent(accent: str) -> str:
    """Return the accent nearest to this one that is read everywhere it stands."""
    near = accent
    while colours.least(near, under_accent(near)) < ENOUGH:
        near = colours.shifted(near, -1 / 255)
    return near


def _accented(accent: str, tokens: dict[str, str]) -> dict[str, str]:
    dark_tint = colours.mixed(accent, tokens["dark_card"], _DARK_TINT)
    dark = (tokens["dark_page"], tokens["dark_card"], dark_tint)
    return {
        "accent": accent,
        "tint": colours.mixed(accent, tokens["card"], _TINT),
        "dark_tint": dark_tint,
        "dark_accent": colours.nearest(accent, dark, at_least=_COMFORT),
    }
