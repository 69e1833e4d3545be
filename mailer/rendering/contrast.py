"""Measure how text stands out from its background, and read the colours of a rendered page.  Pure.

The ratio is that of WCAG 2.2 (relative luminance). Pages are those that our own layout makes: colours
inline or as attributes, and a style of `prefers-color-scheme: dark` whose rules name a class that an
element or its parent has.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

Mode = Literal["light", "dark"]
LARGE, BOLD_LARGE = 24.0, 18.66  # pixels, from which text is large; the second where it is bold (WCAG 1.4.3)
ENOUGH, ENOUGH_LARGE = 4.5, 3.0
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)\b([^>]*)>|<!--.*?-->|<!\[endif\]-->", re.DOTALL | re.IGNORECASE)
_VOID = frozenset({"img", "br", "hr", "meta", "link", "input", "col"})
_DARK = re.compile(r"@media[^{]*prefers-color-scheme:\s*dark[^{]*\{((?:[^{}]*\{[^{}]*\})*)[^{}]*\}")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COLOUR = re.compile(r"(?<![-\w])(color|background(?:-color)?)\s*:\s*(#[0-9a-fA-F]{3,6})\b")
_BACKGROUND = re.compile(r'\bbgcolor="(#[0-9a-fA-F]{3,6})"')
_ATTRIBUTE = re.compile(r'\b(style|class)="([^"]*)"')
_SIZE = re.compile(r"font-size:\s*([\d.]+)px")
_WEIGHT = re.compile(r"font-weight:\s*(\d+|bold|normal)")
_CLASS = re.compile(r"\.([a-zA-Z][\w-]*)")
_ALL_INSIDE = re.compile(r"\.[\w-]+ [a-z ]+\s*\Z")
_BOLD = frozenset({"bold", "600", "700", "800", "900"})
_BOLD_TAGS = frozenset({"strong", "b", "h1", "h2", "h3", "h4", "th"})


@dataclass(frozen=True)
class Look:
    """Hold how the words inside an element look; colours are #rrggbb."""

    color: str = "#000000"
    background: str = "#ffffff"
    dark_color: str = "#000000"
    dark_background: str = "#ffffff"
    size: float = 16.0  # pixels
    hidden: bool = False
    bold: bool = False
    forced: bool = False  # whether a rule for the dark decides of the colour of all that is inside
    painted: bool = False  # and one of its background

    @property
    def needed(self) -> float:
        """Return the ratio that WCAG AA wants."""
        large = self.size >= LARGE or (self.bold and self.size >= BOLD_LARGE)
        return ENOUGH_LARGE if large else ENOUGH

    def ratio(self, mode: Mode) -> float:
        """Return how its words stand out."""
        if mode == "light":
            return ratio(self.color, self.background)
        return ratio(self.dark_color, self.dark_background)


@lru_cache(maxsize=200)
def ratio(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    red, green, blue = (_linear(int(digits[at : at + 2], 16) / 255) for at in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


@lru_cache(maxsize=32)
def looks(page: str) -> dict[Look, str]:
    """Return every look that words of a page have, with the first words that have it."""
    first: dict[Look, str] = {}
    reader = _Reader(_dark_rules(page))
    for look, text in reader.texts(page[max(page.find("<body"), 0) :]):
        first.setdefault(look, text)
    return first


class _Reader:
    """Read a page tag by tag, and know how what is inside looks."""

    def __init__(self, dark: dict[str, dict[str, str]]) -> None:
        self._dark = dark
        self._stack = [("", Look())]
        self._known: dict[tuple[int, str, str], Look] = {}  # a page repeats the same few elements

    def texts(self, body: str) -> Iterator[tuple[Look, str]]:
        """Yield the words between tags, each with their look."""
        end = 0
        for tag in _TAG.finditer(body):
            look, text = self._stack[-1][1], body[end : tag.start()]
            if not look.hidden and (words := " ".join(html.unescape(text).split())):
                yield look, words
            end = tag.end()
            self._step(tag[1], (tag[2] or "").lower(), tag[3] or "")

    def _step(self, closing: str, name: str, attributes: str) -> None:
        """Enter or leave an element."""
        if not name or name in _VOID or attributes.endswith("/"):
            return
        if not closing:
            self._stack.append((name, self._look(name, attributes)))
            return
        around = range(len(self._stack) - 1, 0, -1)
        depth = next((at for at in around if self._stack[at][0] == name), None)
        if depth is not None:
            del self._stack[depth:]

    def _look(self, name: str, attributes: str) -> Look:
        around = self._stack[-1][1]
        key = id(around), name, attributes
        if key not in self._known:
            self._known[key] = _inside(around, name, attributes, self._dark)
        return self._known[key]


def _inside(around: Look, name: str, attributes: str, dark: dict[str, dict[str, str]]) -> Look:
    """Return how the words inside an element look."""
    values = dict(_ATTRIBUTE.findall(attributes))
    style, night = html.unescape(values.get("style", "")), dict[str, str]()
    for worn in values.get("class", "").split():
        night |= dark.get(worn, {})
    if not (style or night or "bgcolor" in attributes or name in _BOLD_TAGS):
        return around
    light = _colours(style)
    if bgcolor := _BACKGROUND.search(attributes):
        light.setdefault("background", bgcolor[1])
    weight = _WEIGHT.search(style)
    return Look(
        color=light.get("color", around.color), background=light.get("background", around.background),
        **_night(night, light, around), size=_size(style, around.size),
        hidden=around.hidden or "display:none" in style.replace(" ", ""),
        bold=weight[1] in _BOLD if weight else around.bold or name in _BOLD_TAGS,
    )  # fmt: skip


def _night(night: dict[str, str], light: dict[str, str], around: Look) -> dict[str, Any]:
    """Return the colours in the dark: those of a rule, which holds for all inside, else those by day."""
    own = light.get("background", around.background)
    kept = around.painted or own == around.background
    color = around.dark_color if around.forced else light.get("color", around.dark_color)
    return {
        "dark_color": night.get("color", color),
        "dark_background": night.get("background", around.dark_background if kept else own),
        "forced": around.forced or "color" in night,
        "painted": "painted" in night or (around.painted and "background" not in night),
    }


def _size(style: str, around: float) -> float:
    size = _SIZE.search(style)
    return float(size[1]) if size else around


def _colours(style: str) -> dict[str, str]:
    return {("color" if key == "color" else "background"): value for key, value in _COLOUR.findall(style)}


def _dark_rules(page: str) -> dict[str, dict[str, str]]:
    """Return the colours of each class in the dark: a selector is about the last class it names."""
    rules: dict[str, dict[str, str]] = {}
    for block in _DARK.finditer(page):
        for selectors, style in _RULE.findall(block[1]):
            for selector in selectors.split(","):
                if names := _CLASS.findall(selector):
                    rules.setdefault(names[-1], {}).update(_night_colours(selector, style))
    return rules


def _night_colours(selector: str, style: str) -> dict[str, str]:
    """Return the colours of a rule; `painted` where its background is that of all inside (.cta table td)."""
    colours = _colours(style)
    return colours | ({"painted": "yes"} if "background" in colours and _ALL_INSIDE.search(selector) else {})
